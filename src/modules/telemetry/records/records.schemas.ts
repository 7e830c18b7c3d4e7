import { z } from 'zod';
import { MOST_KEPT_REQUESTS } from '../../../common/config/telemetry.schema.js';
import { TIERS } from '../../../common/target.js';
import { LATEST } from './read-records.js';

const OUTCOMES = ['answered', 'failed', 'cut', 'aborted'] as const;
/** More than this is read line by line. */
const MOST_LISTED = 100;
const MOST_LINES = MOST_KEPT_REQUESTS;
const DEFAULT_LISTED = 20;
const PLACE = /^\d{1,15}(-\d{1,15})?$/;

export const recordParams = z.object({
  id: z
    .string()
    .describe(
      `The \`x-request-id\` of the answer, or \`metadata.request_id\`; of several requests with one id the latest. \`${LATEST}\` = your latest one.`,
    )
    .meta({ example: LATEST }),
});

const name = z.string().min(1).max(1_024);

export const recordsQuery = z
  .strictObject({
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(MOST_LINES)
      .optional()
      .describe(`Records; json: 1 to ${MOST_LISTED}, left out ${DEFAULT_LISTED}; jsonl: left out all that are kept.`)
      .meta({ example: 20 }),
    after: z
      .string()
      .regex(PLACE, 'expected the `id` of the last record of the page before (`last_id`)')
      .optional()
      .describe('`id` of the last record of the page before (`last_id`): older ones follow.')
      .meta({ example: '1795759200000-0' }),
    tenant: name.optional().describe('Only this tenant; scope `operator` for one that is not yours.'),
    target: name
      .optional()
      .describe('Only requests that this target answered, or was asked in vain.')
      .meta({ example: 'small' }),
    outcome: z.enum(OUTCOMES).optional().describe('Only requests that ended so.'),
    request_id: name.optional().describe('Only requests with this `x-request-id`, whoever made them.'),
    format: z.enum(['json', 'jsonl']).default('json').describe('jsonl: one record a line, as a stream.'),
  })
  .refine(({ format, limit = 1 }) => format === 'jsonl' || limit <= MOST_LISTED, {
    path: ['limit'],
    error: `at most ${MOST_LISTED} with format=json; go on with \`after\`, or send format=jsonl`,
  })
  .transform(({ limit, ...query }) => ({
    ...query,
    limit: limit ?? (query.format === 'json' ? DEFAULT_LISTED : MOST_LINES),
  }));
export type RecordsQuery = z.output<typeof recordsQuery>;

const price = z.object({ input: z.number(), output: z.number() }).nullable();
const counts = {
  prompt_tokens: z.int().nullable(),
  completion_tokens: z.int().nullable(),
  total_tokens: z.int().nullable(),
  estimated: z.literal(true).optional().describe('Nobody counted; these are estimates from the texts.'),
};

export const recordResponse = z.object({
  request_id: z.string(),
  at: z.string().meta({ format: 'date-time' }).describe('When it ended, ISO 8601 UTC.'),
  tenant: z.string(),
  user: z.string(),
  model: z.string().describe('The name asked for; `other` = one that was not configured.'),
  strategy: z.string().nullable().describe('What decided.'),
  target: z.string().nullable().describe('Who answered; null = nobody.'),
  tier: z.enum(TIERS).nullable(),
  upstream_model: z.string().nullable().describe('The model that answered, as its server names it.'),
  simulated: z.boolean(),
  status: z.int().describe('HTTP status; 499 = the caller left before.'),
  outcome: z.enum(OUTCOMES),
  error_code: z.string().nullable(),
  streamed: z.boolean(),
  reason_code: z.string().nullable(),
  score: z.number().nullable(),
  threshold: z.number().nullable(),
  policy_version: z.string().nullable().describe('Of rules and artefact.'),
  columns: z.array(z.number()).nullable().describe('What the trees of the artefact saw of the prompt.'),
  attempts: z.array(z.object({ target: z.string(), outcome: z.string(), status: z.int().optional(), ms: z.number() })),
  fallback: z.boolean(),
  recovered: z.boolean().describe('Whether a cut answer was completed by another attempt.'),
  cache: z.string().nullable().describe('As `x-router-cache`; null = not asked.'),
  usage: z.object(counts).nullable().describe('Of an answer from the cache, what making it had taken.'),
  cost_usd: z
    .number()
    .nullable()
    .describe('null when a price is unknown; 0 for an answer from the cache, and where there was none.'),
  saved_usd: z.number(),
  timing: z.object({ total_ms: z.number(), overhead_ms: z.number(), first_token_ms: z.number().nullable() }),
  session_id: z.string().nullable(),
  learned: z
    .object({ score: z.number(), strong: z.boolean(), weak_price: price, strong_price: price })
    .nullable()
    .describe('What a replay needs: score of the artefact alone, side chosen, prices of both sides.'),
  feedback: z
    .object({ score: z.number(), at: z.string().meta({ format: 'date-time' }), comment: z.string().optional() })
    .nullable()
    .describe('What its user said of the answer.'),
});

export const recordExample = {
  request_id: '0b7f6c1e-6f0e-4c0b-9d59-0f4a5be0a1c2',
  at: '2026-11-27T06:00:00.250Z',
  tenant: 'acme',
  user: 'alice',
  model: 'auto',
  strategy: 'hybrid',
  target: 'small',
  tier: 'local',
  upstream_model: 'llama3.2',
  simulated: false,
  status: 200,
  outcome: 'answered',
  error_code: null,
  streamed: false,
  reason_code: 'learned_simple',
  score: 0.31,
  threshold: 0.6,
  policy_version: 'rules-3+learned-1-33d0f11f3a',
  columns: [42, 9, 0, 1],
  attempts: [{ target: 'small', outcome: 'ok', status: 200, ms: 240.12 }],
  fallback: false,
  recovered: false,
  cache: 'MISS',
  usage: { prompt_tokens: 12, completion_tokens: 48, total_tokens: 60 },
  cost_usd: 0,
  saved_usd: 0,
  timing: { total_ms: 241.4, overhead_ms: 0.61, first_token_ms: 240.12 },
  session_id: null,
  learned: {
    score: 0.31,
    strong: false,
    weak_price: { input: 0, output: 0 },
    strong_price: { input: 1.25, output: 10 },
  },
  feedback: null,
};

const listed = z.object({ id: z.string().describe('Its place in the list.'), ...recordResponse.shape });
const listedExample = { id: '1795759200251-0', ...recordExample };

const recordsResponse = z.object({
  object: z.literal('list'),
  data: z.array(listed),
  first_id: z.string().nullable(),
  last_id: z.string().nullable().describe('Send it as `after` for the next page.'),
  has_more: z.boolean(),
});

const recordsExample = {
  object: 'list',
  data: [listedExample],
  first_id: listedExample.id,
  last_id: listedExample.id,
  has_more: true,
};

/** The two forms of the list, for the documentation. */
export const recordsContent = {
  'application/json': {
    schema: z.toJSONSchema(recordsResponse, { target: 'openapi-3.0' }) as Record<string, unknown>,
    example: recordsExample,
  },
  'application/jsonl': {
    schema: { type: 'string' as const, description: 'One record a line, as in `data`.' },
    example: `${JSON.stringify(listedExample)}\n`,
  },
};

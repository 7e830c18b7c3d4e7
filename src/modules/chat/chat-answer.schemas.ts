import { z } from 'zod';
import { TIERS } from '../../common/target.js';

/** Answers of the OpenAPI document. What a model server wrote is described as far as this service promises it. */
const count = z.int().nullable();
const usage = z.looseObject({
  prompt_tokens: count.optional(),
  completion_tokens: count.optional(),
  total_tokens: count.optional(),
});

/** Fields of a model server's answer that are read nowhere here pass as they came. */
const head = {
  id: z.string().optional(),
  created: z.number().optional(),
  model: z.string().optional().describe('The model that answered, as its server names it.'),
  usage: usage.nullish(),
  simulated: z.literal(true).optional().describe('No real model answered.'),
};
const choice = { index: z.int().optional(), finish_reason: z.string().nullish() };

const chatCompletion = z.looseObject({
  ...head,
  object: z.literal('chat.completion').optional(),
  choices: z.array(z.looseObject({ ...choice, message: z.looseObject({ content: z.string().nullish() }) })),
});

const chatChunk = z.looseObject({
  ...head,
  object: z.literal('chat.completion.chunk').optional(),
  choices: z.array(z.looseObject({ ...choice, delta: z.looseObject({ content: z.string().nullish() }).optional() })),
});

const attempt = z.object({
  target: z.string(),
  outcome: z.string().describe('ok, or what went wrong.'),
  status: z.int().optional().describe('HTTP status of the model server, when it sent one.'),
  ms: z.int(),
});

const score = z.number().nullable().describe('Need of the strong side, 0 to 1; null where nothing was scored.');

const queryAnswer = z.object({
  response: z.string(),
  source: z.enum(TIERS).describe('Tier of the target that answered.'),
  responseTime: z.number().describe('Seconds.'),
  metadata: z.object({
    request_id: z.string(),
    timestamp: z.iso.datetime().describe('ISO 8601 UTC.'),
    strategy: z.string(),
    target: z.string(),
    tier: z.enum(TIERS),
    model: z.string(),
    simulated: z.boolean(),
    score,
    confidence: z.number().nullable(),
    reason: z.string(),
    reason_code: z.string(),
    session_id: z.string().nullable(),
    context_used: z.boolean(),
    context_turns: z.int(),
    cached: z.boolean(),
    persisted: z.boolean(),
    fallback: z.boolean(),
    attempts: z.array(attempt),
    usage: z
      .object({
        prompt_tokens: count,
        completion_tokens: count,
        total_tokens: count,
        estimated: z.literal(true).optional(),
      })
      .nullable(),
    cost_usd: z.number().nullable().describe('null when a price is unknown.'),
  }),
});

const decision = z.object({
  strategy: z.string(),
  target: z.string(),
  tier: z.enum(TIERS),
  simulated: z.boolean(),
  candidates: z.array(z.string()).describe('Target ids in the order they are tried.'),
  excluded: z.array(z.object({ target: z.string(), why: z.string() })),
  score,
  threshold: z.number().nullable(),
  confidence: z.number().nullable(),
  reason: z.string(),
  escalation: z.array(z.string()).optional().describe('Strong targets that are asked when the cheap answer fails.'),
  reason_code: z.string(),
  rules: z.array(z.string()),
  features: z.record(z.string(), z.number()),
  policy_version: z.string(),
  took_us: z.number().describe('Microseconds.'),
});

/** As `@ApiResponse({ content })` takes it: OpenAPI 3.0, whose answers of two media types know no zod. */
const schemaOf = (zod: z.ZodType) => {
  const { $schema: _, ...schema } = z.toJSONSchema(zod, { target: 'openapi-3.0', io: 'output' });
  return schema as object;
};

export const chatCompletionSchema = schemaOf(chatCompletion);
/** `x-event` = the data of each event but the last, which is `[DONE]` or an error. */
export const chatStreamSchema = {
  type: 'string' as const,
  description:
    'Server-sent events. The data of each is a chunk (`x-event`); the last one is `[DONE]`, or the error that ended it.',
  'x-event': schemaOf(chatChunk),
};
export const queryAnswerSchema = schemaOf(queryAnswer);
export const decisionSchema = schemaOf(decision);

import { z } from 'zod';
import { InvalidRequest } from '../../common/app-error.js';

const MOST = 1_000;
const USUAL = 20;

/** A name that a caller may send as `model`, as `GET /v1/models` has it in either form. */
interface ListedName {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  /** Of a target: tokens, `null` = unknown. */
  readonly context_window?: number | null;
  readonly simulated: boolean;
}

/** Which part of the list is asked for, as it came in the query string. */
export interface PageQuery {
  readonly limit?: unknown;
  readonly after_id?: unknown;
  readonly before_id?: unknown;
}

const ofAnthropic = (name: string, description: string, schema: object) => ({
  ...{ name, required: false, schema },
  description: `${description} Read with \`anthropic-version\` alone.`,
});

/** The same for the API document. */
export const PAGE_DOCS = {
  limit: ofAnthropic('limit', 'Names of the page.', { type: 'integer', minimum: 1, maximum: MOST, default: USUAL }),
  after: ofAnthropic('after_id', 'The page begins behind this name.', { type: 'string' }),
  before: ofAnthropic('before_id', 'The page ends in front of this name.', { type: 'string' }),
} as const;

/** As Anthropic's SDKs read a model; what nobody here knows is `null`. */
export const anthropicModelSchema = z.object({
  type: z.literal('model'),
  id: z.string(),
  display_name: z.string(),
  created_at: z.iso.datetime().describe('Of the start of the service: the names are its own.'),
  max_input_tokens: z.int().nullable(),
  max_tokens: z.int().nullable(),
  simulated: z.boolean().optional().describe('true where no real model answers to the name.'),
});

export const anthropicListSchema = z.object({
  data: z.array(anthropicModelSchema),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});

export function anthropicModel({ id, created, context_window: window, simulated }: ListedName) {
  return {
    type: 'model' as const,
    id,
    display_name: id,
    created_at: new Date(created * 1_000).toISOString(),
    max_input_tokens: window ?? null,
    max_tokens: null,
    ...(simulated ? { simulated } : {}),
  };
}

/**
 * A page of the list as Anthropic has it: `limit` of 1 to 1,000 names (20 where it is left out), behind `after_id` or in
 * front of `before_id`.
 *
 * @throws InvalidRequest `limit` is no such number
 */
export function anthropicModels(names: readonly ListedName[], query: PageQuery) {
  const limit = limitOf(query.limit);
  const after = names.findIndex(({ id }) => id === query.after_id);
  const before = names.findIndex(({ id }) => id === query.before_id);
  const rest = before >= 0 ? names.slice(0, before) : names.slice(after + 1);
  const page = (before >= 0 ? rest.slice(-limit) : rest.slice(0, limit)).map(anthropicModel);
  return {
    data: page,
    has_more: page.length < rest.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

function limitOf(sent: unknown): number {
  if (sent === undefined) return USUAL;
  const limit = Number(sent);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST) return limit;
  throw new InvalidRequest(`limit: expected a whole number from 1 to ${MOST}`, 'limit');
}

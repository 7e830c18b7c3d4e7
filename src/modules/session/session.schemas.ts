import { z } from 'zod';
import { TIERS } from '../../common/target.js';
import { EXAMPLE_SESSION_ID, sessionIdSchema } from '../../common/session-id.js';

export const sessionParams = z.object({ id: sessionIdSchema.meta({ example: EXAMPLE_SESSION_ID }) });

export const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('Sessions per page.'),
  after: sessionIdSchema.optional().describe('Id of the last session of the page before (`last_id`).'),
  order: z.enum(['asc', 'desc']).default('desc').describe('By time of the latest turn; desc = newest first.'),
});
export type ListQuery = z.output<typeof listQuery>;

const time = z.string().describe('ISO 8601 UTC.').meta({ format: 'date-time' });
const cost = z.number().nullable().describe('USD; null when a price is unknown.');
const usage = z.looseObject({
  prompt_tokens: z.int().nullable(),
  completion_tokens: z.int().nullable(),
  total_tokens: z.int().nullable(),
  estimated: z.literal(true).optional().describe('Nobody counted; these are estimates from the texts.'),
});
const heading = {
  id: sessionIdSchema,
  title: z.string().describe('First text of the user, cut to 80 characters.'),
  created_at: time,
  updated_at: time.describe('Time of the latest turn, ISO 8601 UTC.'),
};

const listItem = z.object({ ...heading, turn_count: z.int().min(1), cost_usd: cost });

export const sessionListResponse = z.object({
  object: z.literal('list'),
  data: z.array(listItem),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});
export type SessionListResponse = z.output<typeof sessionListResponse>;

const turn = z.object({
  id: z.string().describe('ULID; turns sort by it.'),
  at: time,
  request_id: z.string(),
  messages: z
    .array(z.looseObject({ role: z.string() }))
    .readonly()
    .describe('What the caller sent in this turn and the answer, in the form of OpenAI.'),
  target: z.string(),
  tier: z.enum(TIERS),
  model: z.string().describe('As the model server names it.'),
  simulated: z.boolean().describe('Whether no real model answered.'),
  usage: usage.nullable(),
  cost_usd: cost,
  latency_ms: z.number(),
});

export const sessionResponse = z.object({ ...heading, turns: z.array(turn).describe('Oldest first.') });
export type SessionResponse = z.output<typeof sessionResponse>;

export const deletedResponse = z.object({
  id: z.string(),
  object: z.literal('session.deleted'),
  deleted: z.literal(true),
});
export type DeletedResponse = z.output<typeof deletedResponse>;

const milliseconds = z.number();

export const insightsResponse = z.object({
  turns: z.int(),
  model_switches: z.int().describe('Turns answered by another target than the turn before.'),
  targets: z.record(
    z.string(),
    z.object({ turns: z.int(), share: z.number().describe('0 to 1.'), simulated: z.literal(true).optional() }),
  ),
  latency_ms: z
    .object({ avg: milliseconds, p50: milliseconds, p95: milliseconds, min: milliseconds, max: milliseconds })
    .nullable()
    .describe('Of whole turns; percentiles by nearest rank.'),
  usage,
  cost_usd: cost,
  cache_hits: z.int(),
  fallbacks: z.int(),
});
export type InsightsResponse = z.output<typeof insightsResponse>;

export const exportResponse = z.object({
  object: z.literal('session.export'),
  exported_at: time,
  session: sessionResponse,
  insights: insightsResponse,
});
export type ExportResponse = z.output<typeof exportResponse>;

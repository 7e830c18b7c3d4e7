import { z } from 'zod';

const counts = {
  requests: z.int().min(0).describe('All requests that ended, failed ones and answers from the cache included.'),
  prompt_tokens: z.int().min(0),
  completion_tokens: z.int().min(0),
  cached_tokens: z.int().min(0).describe('Tokens of prompts that the provider had in its own cache.'),
  cost_usd: z.number().min(0).describe('Known costs only: the sum of what the requests themselves tell.'),
  saved_usd: z.number().min(0).describe('What answers that were not made again (cache, shared) had cost.'),
  unpriced_requests: z
    .int()
    .min(0)
    .describe('Requests with an answer whose cost is not known; they add nothing to cost_usd.'),
};
const day = z.string().meta({ format: 'date' });
const name = z.string().optional();

const usageResponse = z.object({
  object: z.literal('list'),
  from: day,
  to: day.describe('The last day of the range.'),
  data: z.array(
    z.object({
      day: day.optional().describe('UTC, when the request ended.'),
      tenant: name,
      user: name,
      model: name.describe('As callers write it; `other` = a name that was not configured then.'),
      target: name.describe('`none` = no model answered.'),
      ...counts,
    }),
  ),
  total: z.object(counts).describe('Of all lines.'),
});

const sums = {
  requests: 42,
  prompt_tokens: 5120,
  completion_tokens: 20480,
  cached_tokens: 1024,
  cost_usd: 0.2176,
  saved_usd: 0.0312,
  unpriced_requests: 0,
};

const usageExample = {
  object: 'list',
  from: '2026-11-01',
  to: '2026-11-27',
  data: [{ tenant: 'acme', ...sums }],
  total: sums,
};

const usageCsvExample = [
  'day,model,requests,prompt_tokens,completion_tokens,cached_tokens,cost_usd,saved_usd,unpriced_requests',
  '2026-11-26,auto,42,5120,20480,1024,0.2176,0.0312,0',
].join('\r\n');

/** The two forms of the answer, for the documentation. */
export const usageContent = {
  'application/json': {
    schema: z.toJSONSchema(usageResponse, { target: 'openapi-3.0' }) as Record<string, unknown>,
    example: usageExample,
  },
  'text/csv': {
    schema: { type: 'string' as const, description: 'RFC 4180, with a line of headings.' },
    example: usageCsvExample,
  },
};

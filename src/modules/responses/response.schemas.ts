import { z } from 'zod';

const count = z.int();
const text = z.string().nullable();

const usage = z.object({
  input_tokens: count,
  input_tokens_details: z.object({ cached_tokens: count, cache_write_tokens: count }),
  output_tokens: count,
  output_tokens_details: z.object({ reasoning_tokens: count }),
  total_tokens: count,
});

const STATUSES = ['in_progress', 'completed', 'incomplete', 'failed'] as const;

/** The response object of the OpenAPI document; every field is always there. */
export const responseObject = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  created_at: z.number().describe('Seconds since 1970.'),
  completed_at: z.number().nullable(),
  status: z.enum(STATUSES),
  incomplete_details: z.object({ reason: z.enum(['max_output_tokens', 'content_filter']) }).nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  model: z.string().describe('The model that answered, as its server names it.'),
  output: z.array(z.looseObject({ id: z.string(), type: z.string() })).describe('Messages, reasoning and calls.'),
  usage: usage.nullable(),
  previous_response_id: text,
  instructions: text,
  tools: z.array(z.looseObject({ type: z.string() })),
  metadata: z.looseObject({}),
  store: z.boolean(),
});

/** As `@ApiResponse({ content })` takes it: OpenAPI 3.0, whose answers of two media types know no zod. */
const schemaOf = (zod: z.ZodType) => {
  const { $schema: _, ...schema } = z.toJSONSchema(zod, { target: 'openapi-3.0', io: 'output' });
  return schema as object;
};

export const responseSchema = schemaOf(responseObject);
/** `x-event` = the data of each event. */
export const responseStreamSchema = {
  type: 'string' as const,
  description:
    'Server-sent events, numbered by `sequence_number`: `response.created` is the first one, and the last one is ' +
    '`response.completed`, `response.incomplete` or, behind `error`, `response.failed`.',
  'x-event': schemaOf(z.looseObject({ type: z.string(), sequence_number: z.int() })),
};

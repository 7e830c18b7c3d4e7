import { z } from 'zod';

const count = z.int().min(0);

const block = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: z.looseObject({}) }),
  z.object({
    type: z.literal('thinking'),
    thinking: z.string(),
    signature: z.string().describe('Opaque. Send it back with the block, which goes to its own model alone.'),
  }),
  z.object({ type: z.literal('redacted_thinking'), data: z.string().describe('Opaque, as a signature.') }),
]);

const message = z.object({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string().describe('The model that answered, as its server names it.'),
  content: z.array(block),
  stop_reason: z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'refusal']),
  stop_sequence: z.string().nullable(),
  usage: z.object({
    input_tokens: count.describe('Without what a cache of the vendor had or took.'),
    cache_creation_input_tokens: count,
    cache_read_input_tokens: count,
    output_tokens: count,
  }),
  simulated: z.literal(true).optional().describe('No real model answered; absent otherwise.'),
});

const tokenCount = z.object({ input_tokens: count, estimated: z.literal(true) });

/** As `@ApiResponse({ content })` takes it: OpenAPI 3.0, whose answers of two media types know no zod. */
const schemaOf = (zod: z.ZodType) => {
  const { $schema: _, ...schema } = z.toJSONSchema(zod, { target: 'openapi-3.0', io: 'output' });
  return schema as object;
};

export const messageSchema = schemaOf(message);
/** `x-event` = the data of each event. */
export const messageStreamSchema = {
  type: 'string' as const,
  description:
    'Server-sent events, named: message_start, ping, content_block_start, content_block_delta, content_block_stop, ' +
    'message_delta (with the usage), message_stop; error is the last one of an answer that broke off.',
  'x-event': schemaOf(z.looseObject({ type: z.string() })),
};
export const tokenCountSchema = schemaOf(tokenCount);

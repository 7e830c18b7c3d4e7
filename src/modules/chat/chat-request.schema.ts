import { z } from 'zod';
import { sessionIdSchema } from '../../common/session-id.js';

const MAX_NAME = 256;

/** What this service reads is checked; everything else belongs to the model server and passes through. */
const contentPart = z.looseObject({ type: z.string(), text: z.string().optional() });
const content = z.union([z.string(), z.array(contentPart)], { error: 'expected a string or a list of content parts' });

const toolCall = z.looseObject({
  id: z.string().optional(),
  type: z.string().optional(),
  function: z.looseObject({ name: z.string().optional(), arguments: z.string().optional() }).optional(),
});

const message = z
  .looseObject({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
    content: content.nullish(),
    tool_calls: z.array(toolCall).optional(),
    tool_call_id: z.string().optional(),
  })
  .superRefine((value, context) => {
    const spoken = value.role !== 'assistant' && value.role !== 'function';
    if (spoken && (value.content === undefined || value.content === null)) {
      context.addIssue({ code: 'custom', path: ['content'], message: `required for role ${value.role}` });
    }
    if (value.role === 'tool' && !value.tool_call_id) {
      context.addIssue({ code: 'custom', path: ['tool_call_id'], message: 'required for role tool' });
    }
  });

const tokens = z.int().min(1).max(10_000_000);

/** The body of `POST /v1/chat/completions`, as OpenAI defines it. */
export const chatRequestSchema = z.looseObject({
  model: z.string().min(1).max(MAX_NAME).describe('A model of GET /v1/models, a target id, or `auto`.'),
  messages: z.array(message).min(1, 'expected at least one message'),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  tools: z.array(z.looseObject({ type: z.string() })).optional(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
  max_tokens: tokens.nullish(),
  max_completion_tokens: tokens.nullish(),
  n: z.int().min(1).max(128).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  stop: z.union([z.string(), z.array(z.string())], { error: 'expected a string or a list of strings' }).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  seed: z.int().nullish(),
  user: z.string().optional(),
});

/** The body of `POST /query`. */
export const queryRequestSchema = z.strictObject({
  query: z.string().min(1, 'expected a question').describe('The question, in any language.'),
  strategy: z.string().min(1).max(64).optional().describe('Overrides the strategy of the model for this request.'),
  session_id: sessionIdSchema.optional().describe('Continues this conversation.'),
  model: z.string().min(1).max(MAX_NAME).default('auto'),
  max_tokens: tokens.optional(),
});

export type QueryRequest = z.output<typeof queryRequestSchema>;

/** The body of `POST /v1/route`: a chat request, or just a question. */
export const routeRequestSchema = z.looseObject({
  ...chatRequestSchema.partial({ model: true, messages: true }).shape,
  query: z.string().min(1, 'expected a question').optional(),
  strategy: z.string().min(1).max(64).optional(),
  session_id: sessionIdSchema.optional(),
});

export type RouteRequest = z.output<typeof routeRequestSchema>;

import { z } from 'zod';
import type { ContentPart } from '../../common/chat.js';
import { listOf, textOr, type Fault } from '../../common/http/list-schema.js';
import { sessionIdSchema } from '../../common/session-id.js';

const MAX_NAME = 256;

const isPart = (part: unknown): boolean => typeof (part as Partial<ContentPart> | null)?.type === 'string';
const isText = (text: unknown): boolean => typeof text === 'string';
const content = textOr<ContentPart>(isPart, 'expected a string or a list of content parts');
const stop = textOr<string>(isText, 'expected a string or a list of strings');

const tools = z
  .unknown()
  .refine((list) => Array.isArray(list), 'expected a list')
  .meta({ type: 'array', items: {} }) as z.ZodType<unknown> as z.ZodType<unknown[]>;

const toolCall = z.looseObject({ function: z.looseObject({}).nullish() });

/** Roles that speak by text alone; the others may answer with calls, or with nothing. */
const SPEAKING: ReadonlySet<string> = new Set(['system', 'developer', 'user']);

const message = z.looseObject({
  role: z.string().min(1).max(MAX_NAME),
  content: content.nullish(),
  tool_calls: listOf(toolCall).nullish(),
});

const isNotEmpty = (list: unknown): boolean => !Array.isArray(list) || list.length > 0;
const messages = listOf(message, withoutContent).refine(isNotEmpty, 'expected at least one message');

function withoutContent({ role, content }: z.output<typeof message>): Fault | null {
  if (!SPEAKING.has(role) || (content ?? undefined) !== undefined) return null;
  return { path: ['content'], message: `required for role ${role}` };
}

/** -1 is how LM Studio, llama.cpp and Ollama write "as long as it gets"; see `tokensAskedFor`. */
const tokens = z
  .int()
  .min(-1)
  .max(10_000_000)
  .refine((limit) => limit !== 0, 'expected a number of at least 1, or -1 for no limit');

/**
 * The body of `POST /v1/chat/completions`, as OpenAI defines it. What this service reads is checked, and no more of it
 * than is read: `null` is absent, and the range of a value is the model server's affair, whose releases differ.
 * Everything else passes through.
 */
export const chatRequestSchema = z.looseObject({
  model: z.string().min(1).max(MAX_NAME).describe('A model of GET /v1/models, a target id, or `auto`.'),
  messages,
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  tools: tools.nullish(),
  response_format: z.looseObject({}).nullish(),
  max_tokens: tokens.nullish(),
  max_completion_tokens: tokens.nullish(),
  n: z.int().min(1).max(128).nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  stop: stop.nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().nullish(),
  seed: z.number().nullish(),
  user: z.string().nullish(),
});

/** The body of `POST /query`. */
export const queryRequestSchema = z.strictObject({
  query: z.string().min(1, 'expected a question').describe('The question, in any language.'),
  strategy: z.string().min(1).max(64).nullish().describe('Overrides the strategy of the model for this request.'),
  session_id: sessionIdSchema.nullish().describe('Continues this conversation.'),
  model: z.string().min(1).max(MAX_NAME).nullish(),
  max_tokens: tokens.nullish(),
});

export type QueryRequest = z.output<typeof queryRequestSchema>;

/** The body of `POST /v1/route`: a chat request, or just a question. */
export const routeRequestSchema = z.looseObject({
  ...chatRequestSchema.partial({ model: true, messages: true }).shape,
  query: z.string().min(1, 'expected a question').nullish(),
  strategy: z.string().min(1).max(64).nullish(),
  session_id: sessionIdSchema.nullish(),
});

export type RouteRequest = z.output<typeof routeRequestSchema>;

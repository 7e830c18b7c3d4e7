import { z } from 'zod';
import { sessionIdSchema } from '../../common/session-id.js';
import { CHOICE_DOCS, CONVERSATION_DOCS, FORMAT_DOCS, ITEMS_DOCS, TOOLS_DOCS } from './responses-request.docs.js';

const MAX_NAME = 256;

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
const isInput = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') || (Array.isArray(value) && value.length > 0);
const isChoice = (value: unknown): boolean => typeof value === 'string' || isObject(value);
const isConversation = (value: unknown): boolean =>
  sessionIdSchema.safeParse(isObject(value) ? (value as { id?: unknown }).id : value).success;

const object = z.looseObject({});

/** Checked as a whole where its parts are read by whoever translates them: they are looked at once. */
const input = z
  .unknown()
  .refine(isInput, 'expected a text, or a list of items that is not empty')
  .meta({ anyOf: [{ type: 'string' }, ITEMS_DOCS], description: 'A text, or messages, calls, results and reasoning.' });

/** Who sends a request of chat completions is told so, in place of "missing". */
const notChat = z.check<unknown>(({ value, issues }) => {
  if (!isObject(value)) return;
  const { input: sent, messages } = value as { input?: unknown; messages?: unknown };
  if ((sent ?? null) !== null || !Array.isArray(messages)) return;
  issues.unshift({
    code: 'custom',
    input: sent,
    path: ['input'],
    message: 'missing; you sent messages, here they are `input`',
  });
});
const always = (): boolean => true;
notChat._zod.def.when = always; // also where `input` was found to be missing

const list = z.unknown().refine((value) => Array.isArray(value), 'expected a list');

/**
 * The body of `POST /v1/responses`, as OpenAI defines it. What this service reads is checked, and no more of it than is
 * read: `null` is absent, and the range of a value is the model server's affair. Unknown fields pass.
 *
 * @see https://platform.openai.com/docs/api-reference/responses/create
 */
export const responsesRequestSchema = z
  .looseObject({
    model: z.string().min(1).max(MAX_NAME).describe('A model of GET /v1/models, a target id, or `auto`.'),
    input,
    instructions: z
      .string()
      .nullish()
      .describe('System message of this response alone; no other response inherits it.'),
    previous_response_id: z.string().min(1).max(MAX_NAME).nullish().describe('Goes on from this response.'),
    conversation: z
      .unknown()
      .refine((value) => (value ?? null) === null || isConversation(value), {
        error: 'expected a session id, or an object with one as `id`: 1 to 128 of the characters A-Z a-z 0-9 . _ : -',
      })
      .meta({ anyOf: [{ type: 'string' }, CONVERSATION_DOCS], description: 'Goes on with all of this session.' })
      .optional(),
    store: z.boolean().nullish().describe('false: nothing of it is kept, and nobody can go on from it.'),
    stream: z.boolean().nullish(),
    background: z.boolean().nullish(),
    truncation: z.enum(['auto', 'disabled']).nullish().describe('auto drops the oldest turns where they do not fit.'),
    tools: list.meta(TOOLS_DOCS).nullish() as z.ZodType<unknown>,
    tool_choice: z
      .unknown()
      .refine((value) => (value ?? null) === null || isChoice(value), 'expected a string or an object')
      .meta(CHOICE_DOCS)
      .optional(),
    parallel_tool_calls: z.boolean().nullish(),
    text: z.looseObject({ format: object.meta(FORMAT_DOCS).nullish(), verbosity: z.string().nullish() }).nullish(),
    reasoning: z.looseObject({ effort: z.string().nullish(), summary: z.string().nullish() }).nullish(),
    include: z.array(z.string()).nullish(),
    metadata: object.nullish(),
    max_output_tokens: z.int().min(1).max(10_000_000).nullish(),
    temperature: z.number().nullish(),
    top_p: z.number().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    user: z.string().nullish(),
    service_tier: z.string().nullish(),
    safety_identifier: z.string().nullish(),
    prompt_cache_key: z.string().nullish(),
  })
  .check(notChat);

export type ResponsesRequest = z.output<typeof responsesRequestSchema>;

/** `conversation`, which may be an id or an object with one. */
export function conversationOf({ conversation }: ResponsesRequest): string | null {
  if (typeof conversation === 'string') return conversation;
  return (conversation as { readonly id: string } | null | undefined)?.id ?? null;
}

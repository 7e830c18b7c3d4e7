import { z } from 'zod';
import { listOf, type Fault } from '../../common/http/list-schema.js';
import { isFields } from '../../common/json/fields.js';
import { contentFault, type Block, type Place } from './content-faults.js';

const MAX_NAME = 256;

/** A block by its type alone: which fields it has depends on that, and `contentFault` knows. */
const BLOCK_DOCS = {
  anyOf: [
    {
      type: 'object' as const,
      required: ['type', 'text'],
      properties: { type: { type: 'string' as const, enum: ['text'] }, text: { type: 'string' as const } },
    },
    { type: 'object' as const, required: ['type'], properties: { type: { type: 'string' as const } } },
  ],
};
const CONTENT_DOCS = { anyOf: [{ type: 'string' as const }, { type: 'array' as const, items: BLOCK_DOCS }] };

/** A text or a list of blocks of the kinds that this place takes, checked up to the first fault. */
function contentOf(place: Place): z.ZodType<string | Block[]> {
  const content = z.unknown().check(({ value, issues }) => {
    const found = contentFault(value, place);
    if (found) issues.push({ code: 'custom', input: value, path: [...found.path], message: found.message });
  });
  return content.meta(CONTENT_DOCS) as z.ZodType<unknown> as z.ZodType<string | Block[]>;
}

const ROLES = ['user', 'assistant', 'system'] as const;

const message = z.looseObject({
  role: z.enum(ROLES),
  content: z.unknown().meta(CONTENT_DOCS),
});

export interface SentMessage {
  role: (typeof ROLES)[number];
  content: string | Block[];
}

const isNotEmpty = (list: unknown): boolean => !Array.isArray(list) || list.length > 0;
const messages = listOf(message, ({ role, content }): Fault | null => {
  const found = contentFault(content, role);
  return found && { path: ['content', ...found.path], message: found.message };
}).refine(isNotEmpty, 'expected at least one message') as z.ZodType<unknown> as z.ZodType<SentMessage[]>;

const tool = z.looseObject({
  name: z.string().min(1).max(MAX_NAME),
  description: z.string().nullish(),
  input_schema: z.looseObject({}),
  type: z.literal('custom').nullish(),
  strict: z.boolean().nullish(),
  defer_loading: z.boolean().nullish().describe('true: the model sees it once a `tool_reference` has named it.'),
});

/** The vendor runs these, or gives them a meaning that only its own models have been taught. */
const RUN_ELSEWHERE =
  "Anthropic's own tools cannot be run here; leave it out, or describe it as a tool of your own with an input_schema";

const schemaOf = (zod: z.ZodType): object => {
  const { $schema: _, ...schema } = z.toJSONSchema(zod, { io: 'input', target: 'openapi-3.0' });
  return schema;
};

const OF_OPENAI =
  "this is OpenAI's form of a tool; write `name`, `description` and `input_schema` in the tool itself, without `type` and `function`";

/** Its `type` is looked at first: a tool of the vendor has no schema. */
const anyTool = z.looseObject({ type: z.string().nullish() });
const tools = listOf(anyTool, (value): Fault | null => {
  if (value.type === 'function' || isFields(value['function'])) return { path: ['type'], message: OF_OPENAI };
  if ((value.type ?? 'custom') !== 'custom') return { path: ['type'], message: RUN_ELSEWHERE };
  return tool.safeParse(value).error?.issues[0] ?? null;
}).meta({ type: 'array', items: schemaOf(tool) }) as z.ZodType<unknown> as z.ZodType<z.output<typeof tool>[]>;

const toolChoice = z
  .looseObject({
    type: z.enum(['auto', 'any', 'tool', 'none']),
    name: z.string().nullish(),
    disable_parallel_tool_use: z.boolean().nullish(),
  })
  .refine(({ type, name }) => type !== 'tool' || typeof name === 'string', {
    path: ['name'],
    error: 'missing; expected the name of a tool',
  });

const thinking = z.looseObject({
  type: z.string().min(1).max(MAX_NAME),
  budget_tokens: z.number().nullish(),
});

const outputFormat = z.looseObject({ type: z.literal('json_schema'), schema: z.looseObject({}) });
const servers = z
  .unknown()
  .refine((list) => !Array.isArray(list) || list.length === 0, 'servers of tools cannot be called here; leave it out')
  .meta({ type: 'array', items: {}, maxItems: 0 });

/** The body of `POST /v1/messages/count_tokens`, and what that of `POST /v1/messages` shares with it. */
export const countTokensSchema = z.looseObject({
  model: z.string().min(1).max(MAX_NAME).describe('A model of GET /v1/models, a target id, or `auto`.'),
  messages,
  system: contentOf('system').nullish(),
  tools: tools.nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: thinking.nullish(),
  output_config: z.looseObject({ effort: z.string().nullish(), format: outputFormat.nullish() }).nullish(),
  mcp_servers: servers.nullish(),
});

/**
 * The body of `POST /v1/messages`, of the versions 2023-06-01 and 2026-10-21. What is read here is checked, and no more
 * of it: `null` is absent, the range of a value is the affair of whoever answers, and unknown fields pass.
 *
 * @see https://docs.anthropic.com/en/api/messages
 */
export const messagesRequestSchema = z.looseObject({
  ...countTokensSchema.shape,
  max_tokens: z.int().min(1).max(10_000_000).describe('The most tokens that the answer may have.'),
  stream: z.boolean().nullish(),
  stop_sequences: listOf(z.string()).nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  top_k: z.number().nullish(),
  metadata: z.looseObject({ user_id: z.string().nullish() }).nullish(),
});

export type CountTokensRequest = z.output<typeof countTokensSchema>;
export type MessagesRequest = z.output<typeof messagesRequestSchema>;

/**
 * The chat vocabulary: OpenAI's chat-completions shapes, as far as this service reads them. Every object keeps the
 * fields that nobody here knows (`[field: string]: unknown`), because they go to the model server and back unchanged.
 *
 * @see https://platform.openai.com/docs/api-reference/chat
 */
export interface ContentPart {
  type: string;
  text?: unknown;
  [field: string]: unknown;
}

export interface ToolCall {
  id?: string;
  type?: string;
  index?: number;
  function?: { name?: string; arguments?: string; [field: string]: unknown };
  [field: string]: unknown;
}

/** A call in a caller's message. `arguments` is a string by the reference; some agents send the parsed object back. */
export interface SentToolCall {
  function?: { name?: unknown; arguments?: unknown; [field: string]: unknown } | null;
  [field: string]: unknown;
}

export interface ChatMessage {
  role: string;
  content?: string | ContentPart[] | null;
  tool_calls?: SentToolCall[] | null;
  [field: string]: unknown;
}

export interface ChatRequest {
  model: string;
  messages: ChatMessage[];
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean | null; [field: string]: unknown } | null;
  tools?: unknown[] | null;
  response_format?: { type?: unknown; [field: string]: unknown } | null;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  n?: number | null;
  [field: string]: unknown;
}

export interface Delta {
  role?: string;
  content?: string | null;
  tool_calls?: ToolCall[];
  [field: string]: unknown;
}

export interface Choice {
  index?: number;
  /** Of a streamed answer. */
  delta?: Delta;
  /** Of a plain answer. */
  message?: Delta;
  finish_reason?: string | null;
  [field: string]: unknown;
}

/** A `chat.completion` or `chat.completion.chunk` object. */
export interface Completion {
  id?: string;
  object?: string;
  created?: number;
  model?: string;
  choices?: Choice[];
  /** As the server says it; `readUsage` (src/common/usage.ts) makes counts of it. */
  usage?: unknown;
  [field: string]: unknown;
}

/** One `data:` payload of a stream, or the body of a plain answer. */
export interface ChatFrame {
  /** The JSON text exactly as the server sent it; forwarded untouched. */
  readonly text: string;
  readonly json: Completion;
  /** Of a frame that stands for several of a stream, or is of another protocol: the events as they came. */
  readonly wire?: string;
  /** The data has every digit of its numbers; left out: it may have been rounded (`exactCompletion`). */
  readonly isExact?: true;
}

/**
 * What one read from a model server completed: one or more frames of a streamed answer (they are moved together, so
 * that a fast server does not cost one write per token), or the single frame that is a whole plain answer.
 */
export interface ChatChunk {
  readonly frames: readonly ChatFrame[];
}

/** Usage that the upstream sent because we asked for it, in a chunk of its own. */
export const isUsageOnly = ({ json }: ChatFrame): boolean => Boolean(json.usage) && (json.choices ?? []).length === 0;

/** True once a frame carries something a reader can use: text, reasoning, a refusal, audio or a tool call. */
export function hasContent({ choices }: Completion): boolean {
  for (const { delta, message, finish_reason } of choices ?? []) {
    if (finish_reason || saysSomething(delta ?? message)) return true;
  }
  return false;
}

/** Fields that name a message; alone they are no content. */
const LABELS: ReadonlySet<string> = new Set(['role', 'name', 'id', 'type', 'channel', 'object']);

function saysSomething(message: Delta | null | undefined): boolean {
  if (typeof message !== 'object' || message === null) return false;
  if (typeof message.content === 'string' && message.content !== '') return true; // nearly every frame
  return Object.entries(message).some(([field, value]) => !LABELS.has(field) && isSomething(value));
}

function isSomething(value: unknown): boolean {
  if (typeof value !== 'object') return typeof value === 'string' && value !== '';
  return value !== null && Object.keys(value).length > 0;
}

const NO_PARTS: readonly ContentPart[] = [];
const isPart = (part: unknown): part is ContentPart => typeof part === 'object' && part !== null;

/** The parts of a message that come in parts; none of one that is a text. What is no part is left out. */
export function partsOf({ content }: Pick<ChatMessage, 'content'>): readonly ContentPart[] {
  if (!Array.isArray(content)) return NO_PARTS;
  return content.every(isPart) ? content : (content as unknown[]).filter(isPart);
}

/** The text parts of a message, joined by line breaks; images and other parts have none. */
export function textOf(message: Pick<ChatMessage, 'content'>): string {
  if (typeof message.content === 'string') return message.content;
  return partsOf(message)
    .flatMap(({ text }) => (typeof text === 'string' ? [text] : []))
    .join('\n');
}

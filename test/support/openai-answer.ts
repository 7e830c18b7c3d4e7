import type { ChatRequest, ToolCall } from '../../src/common/chat.js';

/** Counts as the test server makes them. */
export interface CountedUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** When and where a streamed answer carries its usage. OpenAI sends a frame of its own, and only when asked. */
export type UsagePlace = 'when-asked' | 'always' | 'in-finish-frame' | 'in-every-frame' | 'never';

export interface AnswerOptions {
  /** The pieces of the streamed text; left out: one per word. */
  readonly tokens?: readonly string[];
  readonly toolCalls?: readonly ToolCall[];
  /** Sent before the text, as `reasoning_content`. */
  readonly reasoning?: string;
  /** Default `stop`, or `tool_calls` when there are some. */
  readonly finishReason?: string;
  readonly usage?: UsagePlace;
  /** Fields of the usage besides the usual ones, or instead of them. */
  readonly counts?: Record<string, unknown>;
  readonly logprobs?: boolean;
  /** Fields that no API description knows, for each level of the answer. */
  readonly extra?: {
    readonly top?: Record<string, unknown>;
    readonly choice?: Record<string, unknown>;
    readonly message?: Record<string, unknown>;
  };
  readonly id?: string;
  /** Seconds since 1970. */
  readonly created?: number;
  /** The name in the answer; left out: the server's. */
  readonly model?: string;
}

export type FrameKind = 'role' | 'token' | 'finish' | 'usage' | 'done' | 'error' | 'other';

export interface AnswerFrame {
  readonly kind: FrameKind;
  readonly json: Record<string, unknown>;
}

/** `count` different words in one text: `w1 w2 w3`. */
export function words(count: number): string {
  return Array.from({ length: count }, (_, i) => `w${i + 1}`).join(' ');
}

/** A text in the pieces it is streamed in: each word with the space before it. */
export function tokensOf(text: string, options: AnswerOptions = {}): readonly string[] {
  return options.tokens ?? text.match(/\s*\S+|\s+$/gu) ?? [];
}

/** One token a word, on both sides. */
export function usageOf(text: string, request: ChatRequest | undefined, options: AnswerOptions = {}): CountedUsage {
  const prompt = JSON.stringify(request?.messages ?? []).split(/\s+/).length;
  const completion = tokensOf(text, options).length * choicesOf(request).length;
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion, ...options.counts };
}

const choicesOf = (request: ChatRequest | undefined): readonly number[] =>
  Array.from({ length: request?.n ?? 1 }, (_, index) => index);

const finishOf = (options: AnswerOptions): string =>
  options.finishReason ?? (options.toolCalls?.length ? 'tool_calls' : 'stop');

const logprobsOf = (tokens: readonly string[]) => ({
  content: tokens.map((token) => ({ token, logprob: -0.25, bytes: [...Buffer.from(token)], top_logprobs: [] })),
});

function envelope(object: string, model: string, options: AnswerOptions): Record<string, unknown> {
  return {
    id: options.id ?? `chatcmpl-${model}`,
    object,
    created: options.created ?? 1_764_000_000,
    model: options.model ?? model,
    ...options.extra?.top,
  };
}

/** The body of a plain answer. */
export function completion(
  text: string,
  options: AnswerOptions,
  request: ChatRequest | undefined,
  model: string,
): Record<string, unknown> {
  const message = {
    role: 'assistant',
    content: options.toolCalls && text === '' ? null : text,
    ...(options.reasoning === undefined ? {} : { reasoning_content: options.reasoning }),
    ...(options.toolCalls ? { tool_calls: options.toolCalls } : {}),
    ...options.extra?.message,
  };
  return {
    ...envelope('chat.completion', model, options),
    choices: choicesOf(request).map((index) => ({
      index,
      message,
      logprobs: options.logprobs ? logprobsOf(tokensOf(text, options)) : null,
      finish_reason: finishOf(options),
      ...options.extra?.choice,
    })),
    ...(options.usage === 'never' ? {} : { usage: usageOf(text, request, options) }),
  };
}

/** Tool calls as OpenAI streams them: the name first, then the arguments in pieces. */
function toolDeltas(calls: readonly ToolCall[]): Record<string, unknown>[] {
  return calls.flatMap((call, index) => {
    const head = { ...call, index, function: { ...call.function, arguments: '' } };
    const pieces = call.function?.arguments?.match(/.{1,5}/gsu) ?? [];
    return [head, ...pieces.map((piece) => ({ index, function: { arguments: piece } }))].map((entry) => ({
      tool_calls: [entry],
    }));
  });
}

/** What the token frames carry: a delta, and further fields of its choice. */
function tokenParts(text: string, options: AnswerOptions): { delta: object; choice: object }[] {
  const reasoning = options.reasoning === undefined ? [] : [{ reasoning_content: options.reasoning }];
  return [
    ...reasoning.map((delta) => ({ delta, choice: {} })),
    ...tokensOf(text, options).map((token) => ({
      delta: { content: token, ...options.extra?.message },
      choice: options.logprobs ? { logprobs: logprobsOf([token]) } : {},
    })),
    ...toolDeltas(options.toolCalls ?? []).map((delta) => ({ delta, choice: {} })),
  ];
}

/** The frames of a streamed answer, without the final `[DONE]`. */
export function completionChunks(
  text: string,
  options: AnswerOptions,
  request: ChatRequest | undefined,
  model: string,
): AnswerFrame[] {
  const place = options.usage ?? 'when-asked';
  const usage = usageOf(text, request, options);
  const usageFrame = place === 'always' || (place === 'when-asked' && request?.stream_options?.include_usage === true);
  const top = {
    ...envelope('chat.completion.chunk', model, options),
    ...(place === 'in-every-frame' ? { usage } : {}),
  };
  const frame = (kind: FrameKind, index: number, delta: object, more: object = {}): AnswerFrame => {
    const choice = { index, delta, logprobs: null, finish_reason: null, ...options.extra?.choice, ...more };
    return { kind, json: { ...top, choices: [choice] } };
  };
  const indices = choicesOf(request);
  const finish = indices.map((index) => frame('finish', index, {}, { finish_reason: finishOf(options) }));
  const last = finish.at(-1);
  if (place === 'in-finish-frame' && last) last.json['usage'] = usage;
  return [
    ...indices.map((index) => frame('role', index, { role: 'assistant', content: '' })),
    ...tokenParts(text, options).flatMap(({ delta, choice }) =>
      indices.map((index) => frame('token', index, delta, choice)),
    ),
    ...finish,
    ...(usageFrame ? [{ kind: 'usage' as const, json: { ...top, choices: [], usage } }] : []),
  ];
}

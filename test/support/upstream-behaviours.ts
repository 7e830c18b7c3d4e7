import { gzipSync } from 'node:zlib';
import type { ChatRequest } from '../../src/common/chat.js';
import { completion, completionChunks, type AnswerOptions, type FrameKind } from './openai-answer.js';
import type { Behaviour, Step } from './upstream-script.js';
import type { Twist } from './upstream-twists.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const SSE_TYPE = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

export const head = (status: number, headers: Record<string, string>): Step => ({ do: 'head', status, headers });
export const write = (text: string | Buffer, kind?: FrameKind): Step => ({
  do: 'write',
  bytes: Buffer.from(text as string),
  ...(kind ? { kind } : {}),
});
const END: Step = { do: 'end' };

/** One SSE event. */
export const sse = (json: unknown, kind: FrameKind = 'other'): Step => write(`data: ${JSON.stringify(json)}\n\n`, kind);

/** A stream of just these events: objects become their payloads, strings go out as they are. All in one write. */
export const events =
  (...payloads: readonly unknown[]): Behaviour =>
  () => {
    const text = payloads.map((it) => (typeof it === 'string' ? it : `data: ${JSON.stringify(it)}\n\n`)).join('');
    return [head(200, SSE_TYPE), write(text), END];
  };

function streamSteps(text: string, options: AnswerOptions, request: ChatRequest | undefined, model: string): Step[] {
  const frames = completionChunks(text, options, request, model).map(({ kind, json }) => sse(json, kind));
  return [head(200, SSE_TYPE), ...frames, write('data: [DONE]\n\n', 'done'), END];
}

function jsonSteps(status: number, body: unknown, headers: Record<string, string> = {}): Step[] {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return [
    head(status, { ...JSON_TYPE, 'content-length': String(bytes.length), ...headers }),
    { do: 'write', bytes },
    END,
  ];
}

/** Answers properly, plain or streamed as the request asks; the twists then spoil it, in order. */
export function answer(text: string, options: AnswerOptions = {}, ...twists: readonly Twist[]): Behaviour {
  return (request, model) => {
    const steps = request.body?.stream
      ? streamSteps(text, options, request.body, model)
      : jsonSteps(200, completion(text, options, request.body, model));
    return twists.reduce<readonly Step[]>((before, twist) => twist(before), steps);
  };
}

/** Calls a tool. */
export function toolCall(name: string, args: unknown, ...twists: readonly Twist[]): Behaviour {
  const call = { id: 'call_1', type: 'function', function: { name, arguments: JSON.stringify(args) } };
  return answer('', { toolCalls: [call] }, ...twists);
}

/** Any other behaviour, twisted. */
export const twisted =
  (behaviour: Behaviour, ...twists: readonly Twist[]): Behaviour =>
  (request, model) =>
    twists.reduce<readonly Step[]>((before, twist) => twist(before), behaviour(request, model));

/** A complete response with this status; an object becomes JSON, a string goes out as it is. */
export const status =
  (code: number, body: unknown = errorBody('the server says no', 'server_error'), headers = {}): Behaviour =>
  () =>
    jsonSteps(code, body, headers);

export const errorBody = (message: string, type: string, code: string | null = null, param: string | null = null) => ({
  error: { message, type, param, code },
});

/** 429, with `Retry-After` in seconds (or as a date) when given. */
export const rateLimited = (retryAfter?: number | string): Behaviour =>
  status(
    429,
    errorBody('Rate limit reached for requests', 'requests', 'rate_limit_exceeded'),
    retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
  );

export const contextLengthExceeded: Behaviour = status(
  400,
  errorBody(
    "This model's maximum context length is 8192 tokens. Please reduce the length of the messages.",
    'invalid_request_error',
    'context_length_exceeded',
    'messages',
  ),
);

export const contentFiltered: Behaviour = status(
  400,
  errorBody(
    "The response was filtered due to Azure OpenAI's content management policy.",
    'invalid_request_error',
    'content_filter',
  ),
);

export const wrongKey: Behaviour = status(
  401,
  errorBody('Incorrect API key provided: sk-up***eam.', 'invalid_request_error', 'invalid_api_key'),
);

/** Takes the request and never says anything. */
export const neverAnswer: Behaviour = () => [{ do: 'silence' }];

/** Status line and headers, then nothing. */
export const headersThenSilence: Behaviour = () => [head(200, SSE_TYPE), { do: 'silence' }];

/** Ends the connection before any byte; `fin` is an orderly close, `rst` a reset. */
export const closeBeforeBytes =
  (how: 'fin' | 'rst' = 'rst'): Behaviour =>
  () => [{ do: how === 'fin' ? 'close' : 'reset' }];
export const resetBeforeBytes: Behaviour = closeBeforeBytes('rst');

/** The error page of a proxy in front of the model server. */
export const htmlPage = (code = 502): Behaviour =>
  status(code, '<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>', {
    'content-type': 'text/html',
  });

const PIECE = 64 * 1024;

/** A body of at least this many bytes that begins like an answer and never ends; chunked, so no length warns of it. */
export const hugeBody =
  (bytes: number): Behaviour =>
  ({ body }, model) => [
    head(200, body?.stream ? SSE_TYPE : JSON_TYPE),
    write(`${body?.stream ? 'data: ' : ''}{"id":"chatcmpl-${model}","choices":[{"index":0,"message":{"content":"`),
    { do: 'repeat', bytes: Buffer.alloc(PIECE, 'a'), times: Math.ceil(bytes / PIECE) },
    END,
  ];

/** A small gzip body that unpacks to at least this many bytes (RFC 1952 section 2.2: members may be concatenated). */
export const gzipBomb =
  (unpackedBytes: number): Behaviour =>
  ({ body }) => {
    const memberBytes = 16 * 1024 * 1024;
    const member = gzipSync(Buffer.alloc(memberBytes, ' '), { level: 9 });
    return [
      head(200, { ...(body?.stream ? SSE_TYPE : JSON_TYPE), 'content-encoding': 'gzip' }),
      { do: 'repeat', bytes: member, times: Math.ceil(unpackedBytes / memberBytes) },
      END,
    ];
  };

/** Chooses by whether the request ends with a partial answer to continue (U14). */
export const whenPrefilled =
  (prefilled: Behaviour, otherwise: Behaviour): Behaviour =>
  (request, model) =>
    (request.body?.messages.at(-1)?.role === 'assistant' ? prefilled : otherwise)(request, model);

export const prefillRejected: Behaviour = status(
  400,
  errorBody('The last message must not be from the assistant.', 'invalid_request_error', null, 'messages'),
);

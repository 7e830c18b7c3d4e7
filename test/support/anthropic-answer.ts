import type { Fields } from '../../src/common/json/fields.js';
import { refusalOf } from './anthropic-rules.js';
import type { FrameKind } from './openai-answer.js';
import { head, status, write } from './upstream-behaviours.js';
import type { Behaviour, RecordedRequest, Step } from './upstream-script.js';
import type { Twist } from './upstream-twists.js';

/** What a message of Anthropic's says. */
export interface MessageOptions {
  /** The pieces of the streamed text; left out: one per word. */
  readonly tokens?: readonly string[];
  readonly thinking?: { readonly text: string; readonly signature: string };
  /** Encrypted thinking. */
  readonly redacted?: string;
  readonly tools?: readonly { readonly id: string; readonly name: string; readonly input: Fields }[];
  readonly stop?: string;
  readonly stopSequence?: string;
  readonly usage?: Fields;
  /** Left out: the one that was asked for. */
  readonly model?: string;
}

const SSE_TYPE = { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': 'req_1' };
const USAGE = { input_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 7 };

/** One event, padded as Anthropic pads some of its own. */
const event = (json: Fields, kind: FrameKind = 'other', padding = 0): Step => {
  const text = JSON.stringify(json);
  const padded = padding === 0 ? text : `${text.slice(0, -1)}${' '.repeat(padding)}}`;
  return write(`event: ${String(json['type'])}\ndata: ${padded}\n\n`, kind);
};

const textPieces = (text: string, { tokens }: MessageOptions): readonly string[] =>
  tokens ?? text.match(/\s*\S+|\s+$/gu) ?? [];

const stopOf = ({ stop, stopSequence, tools }: MessageOptions) => ({
  stop_reason: stop ?? (stopSequence ? 'stop_sequence' : tools?.length ? 'tool_use' : 'end_turn'),
  stop_sequence: stopSequence ?? null,
});

function blocksOf(text: string, { thinking, redacted, tools = [] }: MessageOptions): Fields[] {
  return [
    ...(thinking ? [{ type: 'thinking', thinking: thinking.text, signature: thinking.signature }] : []),
    ...(redacted === undefined ? [] : [{ type: 'redacted_thinking', data: redacted }]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...tools.map((tool) => ({ type: 'tool_use', ...tool })),
  ];
}

/** A plain answer. */
export function message(text: string, options: MessageOptions, model: string): Fields {
  return {
    ...{ id: `msg_${model}`, type: 'message', role: 'assistant', model: options.model ?? model },
    content: blocksOf(text, options),
    ...stopOf(options),
    usage: { ...USAGE, ...options.usage },
  };
}

/** The deltas of a block, and the block as it begins. */
function piecesOf(block: Fields, options: MessageOptions): { start: Fields; deltas: readonly Fields[] } {
  const { type } = block;
  if (type === 'text') {
    const deltas = textPieces(String(block['text']), options).map((text) => ({ type: 'text_delta', text }));
    return { start: { type, text: '' }, deltas };
  }
  if (type === 'thinking') {
    const thoughts = String(block['thinking']).match(/.{1,8}/gsu) ?? [];
    const deltas = thoughts.map((thinking) => ({ type: 'thinking_delta', thinking }));
    const signature = { type: 'signature_delta', signature: block['signature'] };
    return { start: { type, thinking: '', signature: '' }, deltas: [...deltas, signature] };
  }
  if (type !== 'tool_use') return { start: block, deltas: [] };
  const input = JSON.stringify(block['input']);
  const pieces = input === '{}' ? [''] : ['', ...(input.match(/.{1,6}/gsu) ?? [])];
  return {
    start: { ...block, input: {} },
    deltas: pieces.map((json) => ({ type: 'input_json_delta', partial_json: json })),
  };
}

/** The events of a streamed answer, one step each. */
export function messageEvents(text: string, options: MessageOptions, model: string): Step[] {
  const { output_tokens: output, ...input } = { ...USAGE, ...options.usage };
  const start = { ...message('', {}, model), model: options.model ?? model, ...{ content: [], stop_reason: null } };
  const blocks = blocksOf(text, options).flatMap((block, index) => {
    const { start: begun, deltas } = piecesOf(block, options);
    return [
      event({ type: 'content_block_start', index, content_block: begun }),
      ...(index === 0 ? [event({ type: 'ping' })] : []),
      ...deltas.map((delta, i) => event({ type: 'content_block_delta', index, delta }, 'token', i % 5)),
      event({ type: 'content_block_stop', index }),
    ];
  });
  return [
    event({ type: 'message_start', message: { ...start, usage: { ...input, output_tokens: 1 } } }, 'role'),
    ...blocks,
    event({ type: 'message_delta', delta: stopOf(options), usage: { ...input, output_tokens: output } }, 'finish'),
    event({ type: 'message_stop' }, 'done'),
  ];
}

export const anthropicError = (type: string, text: string): Fields => ({
  type: 'error',
  error: { type, message: text },
  request_id: 'req_1',
});

/** An error of Anthropic's with its status. */
export const fails = (code: number, type: string, text: string, headers: Record<string, string> = {}): Behaviour =>
  status(code, anthropicError(type, text), headers);

export const overloaded: Behaviour = fails(529, 'overloaded_error', 'Overloaded', { 'x-should-retry': 'true' });

/** A behaviour of a server that takes what Anthropic takes, and refuses all else as Anthropic does. */
export const strictly =
  (behaviour: Behaviour): Behaviour =>
  (request, model) => {
    const refusal = refusalOf(request.body, request.headers['anthropic-version']);
    return (refusal === null ? behaviour : fails(400, 'invalid_request_error', refusal))(request, model);
  };

/** Answers as Anthropic does, plain or streamed; the twists then spoil it. A request that Anthropic refuses is refused. */
export const says = (text: string, options: MessageOptions = {}, ...twists: readonly Twist[]): Behaviour =>
  strictly((request, model) => {
    const steps = answerTo(request, text, options, model);
    return twists.reduce<readonly Step[]>((before, twist) => twist(before), steps);
  });

function answerTo({ body }: RecordedRequest, text: string, options: MessageOptions, model: string): readonly Step[] {
  const asked = body?.model ?? model;
  if (!body?.stream) return status(200, message(text, options, asked))({ body } as RecordedRequest, model);
  return [head(200, SSE_TYPE), ...messageEvents(text, options, asked), { do: 'end' }];
}

/** A stream of just these events; strings go out as they are. */
export const messageStream = (...events: readonly (Fields | string)[]): Behaviour =>
  strictly(() => [
    head(200, SSE_TYPE),
    ...events.map((one) => (typeof one === 'string' ? write(one) : event(one))),
    { do: 'end' },
  ]);

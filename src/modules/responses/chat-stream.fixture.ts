import fc from 'fast-check';
import type { ChatFrame, Completion, Delta } from '../../common/chat.js';
import { FrameTemplate } from '../../common/text-run.js';
import type { OutputForm } from './output-items.js';
import { codeOf, ownSessionId } from './response-id.js';
import { ResponseWriter, type Echo } from './response-object.js';
import { ResponseStream, type AnswerFacts } from './response-stream.js';
import { formOf } from './whole-response.js';

// What a model says, as the chunks of a chat stream, and a stream of a response that reads them.

const ulid = '01KAR5F3G0V8S4R1N2Q7W6X5YZ';
export const NAME = { ulid, sessionId: ownSessionId(ulid) };
export const CODE = codeOf(NAME);
export const NOW = 1_790_000_000;
export const USAGE = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

export const frameOf = (json: Completion): ChatFrame => ({ text: JSON.stringify(json), json });
export const deltaFrame = (delta: Delta, more: object = {}): ChatFrame =>
  frameOf({ choices: [{ index: 0, delta, finish_reason: null, ...more }] });
export const finishFrame = (reason: string): ChatFrame => deltaFrame({}, { finish_reason: reason });

/** The frames of one text in its pieces as the parser makes them: the first one, then a run. */
export function runOf(field: 'content' | 'reasoning_content', pieces: readonly string[]): ChatFrame[] {
  const frames = pieces.map((piece) => deltaFrame({ [field]: piece }));
  const [first, ...rest] = frames;
  const template = first && FrameTemplate.of(first.text, first.json);
  const run = template?.runAt(rest.map(({ text }) => `data: ${text}\n\n`).join(''), 0);
  return first && run ? [first, run] : frames;
}

export interface StreamedEvent {
  readonly type: string;
  readonly sequence_number: number;
  readonly [field: string]: unknown;
}

export function streamOf(echo: Echo = {}): {
  stream: ResponseStream;
  answer: { -readonly [K in keyof AnswerFacts]: AnswerFacts[K] };
  form: OutputForm;
} {
  const answer = { route: { model: 'llama3.2', simulated: false }, result: null as AnswerFacts['result'] };
  const form = formOf(NAME, echo);
  return { stream: new ResponseStream(answer, new ResponseWriter(NAME, echo), form, () => NOW), answer, form };
}

/** The text of all events of these reads. */
export function textOfReads(reads: readonly (readonly ChatFrame[])[], echo: Echo = {}): string {
  const { stream, answer } = streamOf(echo);
  const text = reads.map((frames) => stream.chunk({ frames })).join('');
  answer.result = { usage: USAGE };
  return text + stream.end();
}

export function eventsIn(text: string): StreamedEvent[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const [, name, data] = /^event: (.+)\ndata: (.+)$/s.exec(event) ?? [];
      const parsed = JSON.parse(data!) as StreamedEvent;
      if (parsed.type !== name) throw new Error(`${name} is not ${parsed.type}`);
      return parsed;
    });
}

export const eventsOf = (reads: readonly (readonly ChatFrame[])[], echo?: Echo): StreamedEvent[] =>
  eventsIn(textOfReads(reads, echo));

/** What a model says in one go. */
export interface Said {
  readonly reasoning: readonly string[];
  readonly pieces: readonly string[];
  readonly calls: readonly { readonly name: string; readonly args: object }[];
}

const pieces = fc.array(fc.string({ minLength: 1, unit: 'binary' }), { maxLength: 5 });
/** Names without a custom tool among them. */
export const FUNCTIONS = ['weather', 'time'];
export const CUSTOM = 'apply_patch';
const args = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.oneof(fc.string(), fc.integer()), { maxKeys: 3 });
const calls = fc.array(
  fc.oneof(
    fc.record({ name: fc.constantFrom(...FUNCTIONS), args }),
    fc.record({ name: fc.constant(CUSTOM), args: fc.record({ input: fc.string({ unit: 'binary' }) }) }),
  ),
  { maxLength: 3 },
);

export const said: fc.Arbitrary<Said> = fc.record({ reasoning: pieces, pieces, calls });

export const TOOLS = [
  ...FUNCTIONS.map((name) => ({ type: 'function', name, parameters: { type: 'object' } })),
  { type: 'custom', name: CUSTOM },
];

/** The chat message that says all of it. */
export function messageOf({ reasoning, pieces: text, calls: made }: Said) {
  const joined = reasoning.join('');
  return {
    role: 'assistant',
    content: text.length > 0 ? text.join('') : null,
    ...(joined === '' ? {} : { reasoning_content: joined }),
    ...(made.length === 0 ? {} : { tool_calls: made.map(chatCall) }),
  };
}

export const chatCall = ({ name, args: sent }: Said['calls'][number], at: number) => ({
  id: `call_${at}`,
  type: 'function',
  function: { name, arguments: JSON.stringify(sent) },
});

/** Its frames, with the arguments of each call cut into pieces of this many characters. */
export function framesOf(it: Said, size: number): ChatFrame[] {
  const callFrames = it.calls.flatMap((call, index) => {
    const { id, type, function: made } = chatCall(call, index);
    const head = { index, id, type, function: { name: made.name, arguments: '' } };
    const parts = made.arguments.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    const rest = parts.map((part) => ({ index, function: { arguments: part } }));
    return [head, ...rest].map((piece) => deltaFrame({ tool_calls: [piece] }));
  });
  return [
    deltaFrame({ role: 'assistant', content: '' }),
    ...runOf('reasoning_content', it.reasoning),
    ...runOf('content', it.pieces),
    ...callFrames,
    finishFrame(it.calls.length > 0 ? 'tool_calls' : 'stop'),
  ];
}

/** The frames in reads; a read may bring none. */
export function inReads<T>(frames: readonly T[], cuts: readonly number[]): T[][] {
  const places = cuts.map((cut) => cut % (frames.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((from, i) => frames.slice(from, places[i] ?? frames.length));
}

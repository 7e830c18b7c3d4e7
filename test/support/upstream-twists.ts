import type { FrameKind } from './openai-answer.js';
import type { Step } from './upstream-script.js';

/** Changes what a server does. Twists that name frames leave plain answers as they are. */
export type Twist = (steps: readonly Step[]) => readonly Step[];

type Write = Extract<Step, { do: 'write' }>;
const isWrite = (step: Step): step is Write => step.do === 'write';
const isFrame = (kind: FrameKind) => (step: Step) => isWrite(step) && step.kind === kind;
const isAnyFrame = (step: Step): boolean => isWrite(step) && step.kind !== undefined;

const textStep = (text: string, kind: FrameKind = 'other'): Step => ({ do: 'write', bytes: Buffer.from(text), kind });

/** Where the steps after `tokens` token frames begin; with 0 it is before the first frame of any kind. */
function afterTokens(steps: readonly Step[], tokens: number): number {
  if (tokens === 0) return steps.findIndex(isAnyFrame);
  let seen = 0;
  for (const [at, step] of steps.entries()) {
    if (isFrame('token')(step) && (seen += 1) === tokens) return at + 1;
  }
  throw new Error(`the answer has ${seen} tokens, fewer than ${tokens}`);
}

const onlyStreams =
  (twist: Twist): Twist =>
  (steps) =>
    steps.some(isAnyFrame) ? twist(steps) : steps;

const mapWrites =
  (change: (bytes: Buffer) => Buffer): Twist =>
  (steps) =>
    steps.map((step) => (isWrite(step) ? { ...step, bytes: change(step.bytes) } : step));

const mapText = (change: (text: string) => string): Twist =>
  mapWrites((bytes) => Buffer.from(change(bytes.toString())));

/** Ends the connection after this many tokens, without a finish frame. */
export const cutAfter = (tokens: number, how: 'close' | 'reset' = 'close'): Twist =>
  onlyStreams((steps) => [...steps.slice(0, afterTokens(steps, tokens)), { do: 'wait', ms: 5 }, { do: how }]);

/** Ends the HTTP body in order after this many tokens: no finish frame, no `[DONE]`, no transport error. */
export const endAfter = (tokens: number): Twist =>
  onlyStreams((steps) => [...steps.slice(0, afterTokens(steps, tokens)), { do: 'end' }]);

/** Cuts any answer after this many body bytes. */
export const cutAfterBytes =
  (bytes: number): Twist =>
  (steps) => {
    const body = Buffer.concat(steps.filter(isWrite).map((step) => step.bytes));
    return [
      ...steps.filter((step) => step.do === 'head'),
      { do: 'write', bytes: body.subarray(0, bytes) },
      { do: 'wait', ms: 5 },
      { do: 'close' },
    ];
  };

/** Goes silent after this many tokens; then closes after `ms`, or never. */
export const stallAfter = (tokens: number, then: 'close' | 'never', ms = 30_000): Twist =>
  onlyStreams((steps) => [
    ...steps.slice(0, afterTokens(steps, tokens)),
    ...(then === 'never' ? [{ do: 'silence' } as const] : [{ do: 'wait', ms } as const, { do: 'close' } as const]),
  ]);

/** Waits in the middle of the stream and then goes on. */
export const pauseAfter = (tokens: number, ms: number): Twist =>
  onlyStreams((steps) => steps.toSpliced(afterTokens(steps, tokens), 0, { do: 'wait', ms }));

/** Says nothing until the test lets it go on; after so many tokens of a stream, before any byte of a plain answer. */
export const heldAfter =
  (tokens: number, until: Promise<void>): Twist =>
  (steps) =>
    steps.toSpliced(steps.some(isAnyFrame) ? afterTokens(steps, tokens) : 0, 0, { do: 'hold', until });

/** Puts an event with broken JSON in front of the event with this number (0 = the first one). */
export const invalidJsonAt = (event: number): Twist =>
  onlyStreams((steps) =>
    steps.toSpliced(steps.findIndex(isAnyFrame) + event, 0, textStep('data: {"id":"chatcmpl-x","choices":[{"ind\n\n')),
  );

/** Leaves out the final `[DONE]`. */
export const noDone: Twist = (steps) => steps.filter((step) => !isFrame('done')(step));

/** Leaves out the finish frame, too. */
export const noFinish: Twist = (steps) => steps.filter((step) => !isFrame('finish')(step) && !isFrame('done')(step));

const DEFAULT_ERROR = { message: 'The server had an error', type: 'server_error', param: null, code: null };

/** After this many tokens an error object inside the 200 stream, and the end. */
export const errorInStream = (tokens = 0, error: Record<string, unknown> = DEFAULT_ERROR): Twist =>
  onlyStreams((steps) => [
    ...steps.slice(0, afterTokens(steps, tokens)),
    textStep(`data: ${JSON.stringify({ error })}\n\n`, 'error'),
    { do: 'end' },
  ]);

/** Waits before the first token: before the headers, or between them (or the role frame) and the token. */
export const slowFirstToken =
  (ms: number, before: 'headers' | 'role' | 'token' = 'role'): Twist =>
  (steps) => {
    const found = before === 'headers' ? 0 : steps.findIndex(isFrame(before));
    return steps.toSpliced(Math.max(0, found), 0, { do: 'wait', ms });
  };

/** Waits before every token but the first. */
export const paced =
  (ms: number): Twist =>
  (steps) => {
    const first = steps.findIndex(isFrame('token'));
    return steps.flatMap((step, at) => (isFrame('token')(step) && at > first ? [{ do: 'wait', ms }, step] : [step]));
  };

/** Sends another content type than the body's own. */
export const contentType =
  (value: string): Twist =>
  (steps) =>
    steps.map((step) => (step.do === 'head' ? { ...step, headers: { ...step.headers, 'content-type': value } } : step));

/** At most this many bytes a write, with this many milliseconds (0 = one turn of the event loop) between two. */
export const bytesPerWrite =
  (size: number, intervalMs = 0): Twist =>
  (steps) =>
    steps.flatMap((step): Step[] => {
      if (!isWrite(step)) return [step];
      const pieces: Step[] = [];
      for (let at = 0; at < step.bytes.length; at += size) {
        pieces.push({ ...step, bytes: step.bytes.subarray(at, at + size) }, { do: 'wait', ms: intervalMs });
      }
      return pieces;
    });

export const oneBytePerInterval = (ms: number): Twist => bytesPerWrite(1, ms);

/** All frames in one write. */
export const oneWrite: Twist = (steps) => {
  const first = steps.findIndex(isWrite);
  const whole: Step = { do: 'write', bytes: Buffer.concat(steps.filter(isWrite).map((step) => step.bytes)) };
  return steps.flatMap((step, at): Step[] => (at === first ? [whole] : isWrite(step) ? [] : [step]));
};

/** Lines end with CR LF. */
export const crlf: Twist = onlyStreams(mapText((text) => text.replaceAll('\n', '\r\n')));

/** `data:` without the space after it. */
export const noSpace: Twist = onlyStreams(mapText((text) => text.replaceAll('data: ', 'data:')));

/** A comment before every event. */
export const comments: Twist = onlyStreams(mapText((text) => `: keep-alive\n\n${text}`));

/** `event:`, `id:` and `retry:` fields in every event. */
export const eventLines: Twist = onlyStreams(mapText((text) => `event: message\nid: 7\nretry: 1000\n${text}`));

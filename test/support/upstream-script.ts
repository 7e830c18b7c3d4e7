import type { ServerResponse } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { ChatRequest } from '../../src/common/chat.js';
import type { FrameKind } from './openai-answer.js';

/** One thing a server does while it answers. A behaviour is a list of them, so it can be read, cut and rewritten. */
export type Step =
  | { readonly do: 'head'; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  /** `kind` is set for SSE frames, one step a frame. */
  | { readonly do: 'write'; readonly bytes: Buffer; readonly kind?: FrameKind }
  | { readonly do: 'repeat'; readonly bytes: Buffer; readonly times: number }
  | { readonly do: 'wait'; readonly ms: number }
  /** Waits for the test. */
  | { readonly do: 'hold'; readonly until: Promise<void> }
  /** Nothing more, until one of the two sides closes. */
  | { readonly do: 'silence' }
  | { readonly do: 'end' }
  /** Ends the TCP connection in the middle of the answer. */
  | { readonly do: 'close' }
  /** The same with RST instead of FIN. */
  | { readonly do: 'reset' };

/** How a request ended, seen from the server: `aborted` = the client went away first, `cut` = the script ended it. */
export type Ending = 'answered' | 'aborted' | 'cut';

/** What the server saw of one request. */
export interface RecordedRequest {
  /** 0 for the first one. */
  readonly index: number;
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The parsed JSON body; `undefined` when there was none. */
  readonly body: ChatRequest | undefined;
  /** Milliseconds, `performance.now()`. */
  readonly at: number;
  /** Connections are numbered from 0 in the order they were opened. */
  readonly connection: number;
  readonly aborted: boolean;
  /** `null` while the answer is under way. */
  readonly ending: Ending | null;
  readonly endedAt: number | null;
  /** Body bytes that this server could hand to its socket without waiting for the reader. */
  readonly sentBytes: number;
}

/** Decides what the server does with one request. `model` is the name of the server's model. */
export type Behaviour = (request: RecordedRequest, model: string) => readonly Step[];

/** Told while the steps are played. */
export interface PlayListener {
  sent(bytes: number): void;
  /** This side is about to end the connection in the middle of the answer. */
  cut(): void;
}

/** Plays the steps; returns early when the connection closes. Not for a response that has begun. */
export async function play(
  steps: readonly Step[],
  response: ServerResponse,
  gone: AbortSignal,
  listener: PlayListener,
): Promise<void> {
  for (const step of steps) {
    if (gone.aborted) return;
    if (step.do === 'wait') await pause(step.ms, gone);
    else if (step.do === 'hold') await Promise.race([step.until, until(gone)]);
    else if (step.do === 'silence') await until(gone);
    else if (step.do === 'write') await write(response, step.bytes, gone, listener);
    else if (step.do === 'repeat') {
      for (let i = 0; i < step.times && !gone.aborted; i += 1) await write(response, step.bytes, gone, listener);
    } else if (step.do === 'head') {
      response.writeHead(step.status, step.headers);
      response.flushHeaders();
    } else if (step.do === 'end') response.end();
    else cut(step.do, response, listener);
  }
}

function cut(how: 'close' | 'reset', response: ServerResponse, listener: PlayListener): void {
  listener.cut();
  if (how === 'reset') response.socket?.resetAndDestroy();
  else response.socket?.destroy();
}

async function pause(ms: number, gone: AbortSignal): Promise<void> {
  // 0 = only the next turn of the event loop, so that two writes are two packets
  await (ms === 0 ? setImmediate() : setTimeout(ms, undefined, { signal: gone }).catch(() => undefined));
}

function until(gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) resolve();
    else gone.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Writes and then waits for room, so that a slow reader slows this server and `sentBytes` tells by how much. */
async function write(response: ServerResponse, bytes: Buffer, gone: AbortSignal, listener: PlayListener) {
  const more = response.write(bytes);
  listener.sent(bytes.length);
  if (!more) await Promise.race([new Promise((resolve) => response.once('drain', resolve)), until(gone)]);
}

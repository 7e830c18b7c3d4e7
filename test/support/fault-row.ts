import type { Choice, Completion } from '../../src/common/chat.js';
import type { CountedUsage } from './openai-answer.js';
import { chat, framesOf, payloadsOf } from './router-calls.js';
import type { RouterApp } from './router-app.js';

/** What a caller of one chat request got, whichever form was asked for. */
export interface CallerView {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly usage: CountedUsage | null;
  readonly model: string | undefined;
  readonly finish: string | null;
  /** Of the error body, or of the error event of a stream. */
  readonly error: { readonly code: string; readonly message: string } | null;
  /** Streams: whether `[DONE]` came, and it came last. */
  readonly done: boolean;
  /** Distinct `id` and `created` values of a stream's frames. */
  readonly ids: number;
  readonly raw: string;
  readonly ms: number;
}

/** Sends a chat request and reads the answer to its end. Usage is asked for in streams. */
export async function called(
  router: Pick<RouterApp, 'url'>,
  body: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<CallerView> {
  const startedAt = performance.now();
  const options = body['stream'] === true ? { stream_options: { include_usage: true } } : {};
  const response = await chat(router, { ...options, ...body }, headers);
  const raw = await response.text();
  const ms = performance.now() - startedAt;
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  const frames: Completion[] = isStream ? framesOf(raw) : [JSON.parse(raw) as Completion];
  const choices = frames.flatMap((frame): Choice[] => frame.choices?.slice(0, 1) ?? []);
  return {
    status: response.status,
    headers: response.headers,
    text: choices.map(({ delta, message }) => (delta ?? message)?.content ?? '').join(''),
    usage: (frames.flatMap(({ usage }) => usage ?? []).at(-1) as CountedUsage | undefined) ?? null,
    model: frames.at(-1)?.model,
    finish: choices.map(({ finish_reason: finish }) => finish).find(Boolean) ?? null,
    error: (frames.find((frame) => frame['error'])?.['error'] as CallerView['error']) ?? null,
    done: payloadsOf(raw).at(-1) === '[DONE]',
    ids: new Set(frames.filter((frame) => !frame['error']).map(({ id, created }) => `${id} ${created}`)).size,
    raw,
    ms,
  };
}

/** One line of the report of `npm test`: the row, what was measured. */
export function figure(id: string, words: string): void {
  process.stderr.write(`${id}  ${words}\n`);
}

/** Milliseconds between the arrivals of consecutive requests. */
export const gapsOf = (requests: readonly { readonly at: number }[]): number[] =>
  requests.slice(1).map(({ at }, i) => at - requests[i]!.at);

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

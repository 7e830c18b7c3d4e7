import { setTimeout } from 'node:timers/promises';
import OpenAI, { type ClientOptions } from 'openai';
import type { Completion } from '../../src/common/chat.js';

/** OpenAI's own client, pointed at the router, and how many HTTP requests it made. */
export interface CountedClient {
  readonly client: OpenAI;
  readonly sent: () => number;
}

export function openaiAt(url: string, options: ClientOptions = {}): CountedClient {
  let sent = 0;
  const counted: typeof fetch = (input, init) => {
    sent += 1;
    return fetch(input, init);
  };
  const client = new OpenAI({ apiKey: 'sk-test', baseURL: `${url}/v1`, fetch: counted, ...options });
  return { client, sent: () => sent };
}

/** POSTs JSON; a string goes out as it is. */
export function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

export const ask = (question: string) => [{ role: 'user' as const, content: question }];

/** A chat request over plain HTTP. */
export function chat(
  { url }: { readonly url: string },
  body: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  return post(`${url}/v1/chat/completions`, { model: 'auto', messages: ask('hi'), ...body }, headers);
}

/** Any JSON answer. */
export const jsonOf = async <T = Record<string, unknown>>(response: Response): Promise<T> =>
  (await response.json()) as T;

export interface ErrorJson {
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; code: string };
}

/** The `data` payloads of an event stream, `[DONE]` included. */
export function payloadsOf(text: string): string[] {
  return text.split('\n\n').flatMap((event) => (event.startsWith('data: ') ? [event.slice(6)] : []));
}

export const framesOf = (text: string): Completion[] =>
  payloadsOf(text)
    .filter((payload) => payload !== '[DONE]')
    .map((payload) => JSON.parse(payload) as Completion);

/** The text of the first choice of a streamed answer. */
export const streamedText = (text: string): string =>
  framesOf(text)
    .map(({ choices }) => choices?.[0]?.delta?.content ?? '')
    .join('');

export interface TargetJson {
  readonly id: string;
  readonly in_flight: number;
  readonly queued: number;
  readonly breaker: string;
  readonly [field: string]: unknown;
}

export const targetsOf = async (
  { url }: { readonly url: string },
  headers: Record<string, string> = {},
): Promise<TargetJson[]> => (await fetch(`${url}/admin/targets`, { headers })).json() as Promise<TargetJson[]>;

/** Asking without a pause would take from what is waited for the processor that it needs. */
const POLL_MS = 5;

/** Asks until the answer is the wanted one. @throws Error after `withinMs` */
export async function eventually(
  what: string,
  withinMs: number,
  isSo: () => Promise<boolean> | boolean,
  everyMs = POLL_MS,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await setTimeout(everyMs);
  }
}

/** Resolves when no call of any target is under way. @throws Error after a second */
export const allSlotsFree = (router: { readonly url: string }): Promise<void> =>
  eventually('in_flight 0 in /admin/targets', 1_000, async () =>
    (await targetsOf(router)).every(({ in_flight: calls, queued }) => calls === 0 && queued === 0),
  );

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

// A model server for replicas that are started for a load test, a process of its own. Unlike the router's simulated
// targets it is called over HTTP, and the cache keeps what it says. The first part of the path names the model.

interface Asked {
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly messages?: readonly { readonly content?: unknown }[];
}

const TOKENS = 32;
const TOKEN_MS = 2;
const FIRST_TOKEN_MS: ReadonlyMap<string, number> = new Map([
  ['small', 20],
  ['large', 60],
]);
const WORDS = Array.from({ length: TOKENS }, (_, index) => (index === 0 ? 'word' : ` word${index}`));

function usageFor({ messages = [] }: Asked): object {
  const prompt = messages.reduce((sum, { content }) => sum + JSON.stringify(content ?? '').split(/\s+/).length, 0);
  return { prompt_tokens: prompt, completion_tokens: TOKENS, total_tokens: prompt + TOKENS };
}

const envelope = (object: string, model: string): object => ({
  ...{ id: 'chatcmpl-load', object, model },
  created: Math.floor(Date.now() / 1000),
});

function plain(asked: Asked, model: string, response: ServerResponse): void {
  const message = { role: 'assistant', content: WORDS.join('') };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }];
  const body = JSON.stringify({ ...envelope('chat.completion', model), choices, usage: usageFor(asked) });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

async function streamed(asked: Asked, model: string, response: ServerResponse): Promise<void> {
  const head = envelope('chat.completion.chunk', model);
  const frame = (choices: readonly object[], more: object = {}): void => {
    response.write(`data: ${JSON.stringify({ ...head, choices, ...more })}\n\n`);
  };
  const choice = (delta: object, reason: string | null = null): object => ({
    ...{ index: 0, delta, logprobs: null },
    finish_reason: reason,
  });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  frame([choice({ role: 'assistant', content: '' })]);
  for (const content of WORDS) {
    if (response.destroyed) return;
    frame([choice({ content })]);
    await delay(TOKEN_MS);
  }
  frame([choice({}, 'stop')]);
  if (asked.stream_options?.include_usage === true) frame([], { usage: usageFor(asked) });
  response.end('data: [DONE]\n\n');
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const model = (request.url ?? '').split('/')[1] ?? '';
  const firstTokenMs = FIRST_TOKEN_MS.get(model);
  if (request.method !== 'POST' || firstTokenMs === undefined) return void response.writeHead(404).end();
  const asked = JSON.parse(Buffer.concat(pieces).toString('utf8')) as Asked;
  await delay(firstTokenMs + (asked.stream === true ? 0 : TOKENS * TOKEN_MS));
  if (asked.stream === true) return streamed(asked, model, response);
  plain(asked, model, response);
}

const server = createServer({ noDelay: true, keepAliveTimeout: 0 }, (request, response) => {
  answer(request, response).catch(() => response.destroy()); // the router has gone, which is its business
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group; the parent ends this
process.once('disconnect', () => process.exit(0));
process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

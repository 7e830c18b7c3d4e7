import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChatFrame } from '../../../common/chat.js';
import { routerConfigSchema } from '../../../common/config/config.schema.js';
import { ModelServer } from './model-server.js';
import { StreamedCall } from './streamed-call.js';

const LIMITS = { beginMs: 2_000, idleMs: 5_000, contentMs: 5_000, totalMs: 10_000 };
const event = (json: object): string => `data: ${JSON.stringify(json)}\n\n`;
const says = (content: string): string => event({ model: 'm', choices: [{ index: 0, delta: { content } }] });
const USAGE = event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } });
const SSE = { 'content-type': 'text/event-stream' };

/** All frames of the stream that this server answers with. */
async function framesFrom(answer: (response: ServerResponse) => void | Promise<void>): Promise<ChatFrame[]> {
  const server = createServer((_, response) => Promise.resolve(answer(response)).catch(() => response.destroy()));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`);
  const [target] = routerConfigSchema.parse({
    targets: [{ id: 'm', tier: 'cloud', provider: 'openai', model: 'm', baseUrl: url.origin }],
  }).targets;
  const model = new ModelServer(target!, { url, auth: null });
  try {
    const frames: ChatFrame[] = [];
    const call = new StreamedCall(model, '{}', 1, LIMITS, new AbortController().signal);
    for await (const chunk of call) frames.push(...chunk.frames);
    return frames;
  } finally {
    await model.destroy();
    server.close().closeAllConnections();
  }
}

describe('StreamedCall', () => {
  it('passes interim answers by (102, 103)', async () => {
    const frames = await framesFrom((response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeHead(200, SSE).end(`${says('a')}data: [DONE]\n\n`);
    });
    expect(frames).toHaveLength(1);
  });

  it('hands on the usage that comes with a late [DONE], where no finish reason came before', async () => {
    const frames = await framesFrom(async (response) => {
      response.writeHead(200, SSE).write(says('a'));
      await delay(1_100); // longer than an end without a reason is waited for
      response.end(`${USAGE}data: [DONE]\n\n`);
    });
    expect(frames.at(-1)?.json.usage).toMatchObject({ total_tokens: 3 });
  });

  it('is told at once of an answer that is neither a stream nor JSON, however long it would be', async () => {
    const html = framesFrom(async (response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).write('<html>');
      await once(response, 'close');
    });
    await expect(html).rejects.toMatchObject({ outcome: 'bad_answer' });
  });

  it('reads why there is no stream from JSON of status 200', async () => {
    const refused = framesFrom((response) => {
      const error = { error: { message: 'slow down', code: 429 } };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(error));
    });
    await expect(refused).rejects.toMatchObject({ outcome: 'rate_limited' });
  });
});

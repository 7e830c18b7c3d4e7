import { jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { constants, createGzip, gzipSync } from 'node:zlib';
import type { ChatFrame } from '../../../common/chat.js';
import { WholeAnswer, type ChunkSink } from '../../../common/chunk-stream.js';
import { routerConfigSchema } from '../../../common/config/config.schema.js';
import { CHAT_COMPLETIONS } from './dialect.js';
import { ModelServer } from './model-server.js';
import type { ModelStream } from '../models.messages.js';
import { OtherBody } from './other-body.js';
import { PlainCall } from './plain-call.js';
import { StreamFrames } from './stream-frames.js';
import { StreamedCall } from './streamed-call.js';

const PATH = '/v1/chat/completions';
const LIMITS = { beginMs: 2_000, idleMs: 5_000, contentMs: 5_000, totalMs: 10_000 };
const event = (json: object): string => `data: ${JSON.stringify(json)}\n\n`;
const says = (content: string): string => event({ model: 'm', choices: [{ index: 0, delta: { content } }] });
const USAGE = event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } });
const SSE = { 'content-type': 'text/event-stream' };

type Answer = (response: ServerResponse) => void | Promise<void>;

/** All frames of the stream that this server answers with. */
const framesFrom = (answer: Answer): Promise<ChatFrame[]> =>
  asked(
    answer,
    (model) => new StreamedCall(model, PATH, '{}', new StreamFrames(1), LIMITS, new AbortController().signal),
  );
/** Its plain answer. */
const wholeFrom = (answer: Answer): Promise<ChatFrame[]> =>
  asked(
    answer,
    (model) =>
      new PlainCall(
        model,
        { dialect: CHAT_COMPLETIONS, path: PATH },
        '{}',
        LIMITS.beginMs,
        new AbortController().signal,
      ),
  );

async function asked(answer: Answer, calling: (model: ModelServer) => ModelStream): Promise<ChatFrame[]> {
  const server = createServer((_, response) => Promise.resolve(answer(response)).catch(() => response.destroy()));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`);
  const [target] = routerConfigSchema.parse({
    targets: [{ id: 'm', tier: 'cloud', provider: 'openai', model: 'm', baseUrl: url.origin }],
  }).targets;
  const model = new ModelServer(target!, {
    url,
    responsesUrl: null,
    dialect: CHAT_COMPLETIONS,
    headers: [],
    auth: null,
  });
  try {
    const whole = new WholeAnswer();
    calling(model).relay(whole);
    return (await whole.chunks).flatMap(({ frames }) => frames);
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

  it('ends for a sink that fails, with its own fault', async () => {
    const told: unknown[] = [];
    const failed = asked(
      (response) => {
        response.writeHead(200, SSE).end(`${says('a')}data: [DONE]\n\n`);
      },
      (model) => {
        const call = new StreamedCall(model, PATH, '{}', new StreamFrames(1), LIMITS, new AbortController().signal);
        const relay = call.relay.bind(call);
        jest.spyOn(call, 'relay').mockImplementation((sink) =>
          relay({
            chunk: () => {
              throw new TypeError('a fault of the sink');
            },
            end: (error) => {
              told.push(error);
              sink.end(error);
            },
          }),
        );
        return call;
      },
    );
    await expect(failed).rejects.toThrow('a fault of the sink');
    expect(told).toHaveLength(1);
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

  it.each([
    ['stream', 500, 'server_error'],
    ['stream', 400, 'bad_request'],
    ['plain', 500, 'server_error'],
    ['plain', 400, 'bad_request'],
  ] as const)('does not wait for the end of an error body (%s, %s)', async (form, status, outcome) => {
    const endless = async (response: ServerResponse): Promise<void> => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.write('{"error":{"message":"no"}}');
      await once(response, 'close');
    };
    const from = performance.now();
    await expect(form === 'stream' ? framesFrom(endless) : wholeFrom(endless)).rejects.toMatchObject({ outcome });
    expect(performance.now() - from).toBeLessThan(LIMITS.beginMs);
  });

  it.each(['stream', 'plain'])('reads why there is no answer once, however much comes (%s)', async (form) => {
    const failure = jest.spyOn(OtherBody.prototype, 'failure');
    const long = async (response: ServerResponse): Promise<void> => {
      response.writeHead(500, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      const whole = gzipSync(randomBytes(8_000_000), { level: 0 });
      for (let at = 0; at < whole.length && !response.destroyed; at += 65_536) {
        if (!response.write(whole.subarray(at, at + 65_536))) await delay(1);
      }
    };
    await expect(form === 'stream' ? framesFrom(long) : wholeFrom(long)).rejects.toMatchObject({
      outcome: 'server_error',
    });
    expect(failure).toHaveBeenCalledTimes(1);
    failure.mockRestore();
  });

  it('reads a stream that is encoded up to a bound of what it decodes to', async () => {
    const zip = createGzip();
    const bomb = framesFrom((response) => {
      response.writeHead(200, { ...SSE, 'content-encoding': 'gzip' });
      zip.pipe(response).on('close', () => zip.destroy());
      const many = says('a'.repeat(2_000)).repeat(500);
      const write = (): void => {
        while (!zip.destroyed && zip.write(many));
      };
      zip.on('drain', write);
      write();
    });
    await expect(bomb).rejects.toMatchObject({ outcome: 'bad_answer' });
  });
});

describe('a StreamedCall that is paused', () => {
  const EVENTS = 1_000;
  const BURST = 50;
  const text = (n: number): string => `${n} ${'x'.repeat(700)}`;

  /** Many events in one read of the socket, each of them a chunk of HTTP or a piece of the decoder. */
  const burstsOf = (encoding: string, connection: string) => async (response: ServerResponse) => {
    response.writeHead(200, { ...SSE, 'content-encoding': encoding, connection });
    const zip = createGzip({ flush: constants.Z_SYNC_FLUSH });
    const out = encoding === 'gzip' ? zip : response;
    if (out === zip) zip.pipe(response);
    for (let n = 0; n < EVENTS; n += 1) {
      out.write(says(text(n)));
      if (n % BURST === 0) await delay(1);
    }
    out.end('data: [DONE]\n\n');
  };

  /** @param paused is told of every pause, and of every chunk that comes within one */
  const readWith = (answer: Answer, pausing: 'with each chunk' | 'between chunks', paused: (late: boolean) => void) =>
    asked(answer, (model) => {
      const call = new StreamedCall(model, PATH, '{}', new StreamFrames(1), LIMITS, new AbortController().signal);
      let isPaused = false;
      let timer: NodeJS.Timeout | undefined;
      const resume = (): void => {
        isPaused = false;
        call.resume();
      };
      const pause = (ms: number): void => {
        if (isPaused) return;
        isPaused = true;
        call.pause();
        paused(false);
        setTimeout(resume, ms);
      };
      const slow = (sink: ChunkSink): ChunkSink => ({
        chunk: (chunk) => {
          if (isPaused) paused(true);
          sink.chunk(chunk);
          if (pausing === 'with each chunk') pause(0);
          else timer ??= setInterval(pause, 4, 2);
        },
        end: (error) => {
          clearInterval(timer);
          sink.end(error);
        },
      });
      const relay = call.relay.bind(call);
      jest.spyOn(call, 'relay').mockImplementation((sink) => relay(slow(sink)));
      return call;
    });

  it.each([
    ['identity', 'keep-alive', 'with each chunk', 0],
    ['identity', 'close', 'with each chunk', 0],
    ['gzip', 'keep-alive', 'with each chunk', 0],
    ['gzip', 'close', 'with each chunk', 0],
    ['identity', 'keep-alive', 'between chunks', 1],
    ['gzip', 'keep-alive', 'between chunks', 0],
  ] as const)('hands on nothing and loses nothing (%s, %s, paused %s)', async (encoding, connection, pausing, most) => {
    let [pauses, inThis, worst] = [0, 0, 0];
    const frames = await readWith(burstsOf(encoding, connection), pausing, (late) => {
      if (!late) pauses += 1;
      inThis = late ? inThis + 1 : 0;
      worst = Math.max(worst, inThis);
    });
    expect(pauses).toBeGreaterThan(0);
    expect(worst).toBeLessThanOrEqual(most);
    const all = Array.from({ length: EVENTS }, (_, n) => text(n));
    expect(frames.map(({ json }) => json.choices?.[0]?.delta?.content)).toEqual(all);
  });
});

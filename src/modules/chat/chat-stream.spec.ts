import { jest } from '@jest/globals';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../test/support/router-calls.js';
import { UpstreamError } from '../../common/app-error.js';
import type { ChatChunk, Completion } from '../../common/chat.js';
import { IteratedStream } from '../../common/chunk-stream.js';
import { giveUpIdleReader, SseWriter } from '../../common/http/sse-writer.js';
import { FrameTemplate } from '../../common/text-run.js';
import { ChatStream } from './chat-stream.js';
import { ReplayedChunks } from './completion-replay.js';

const frame = (json: Completion) => ({ text: JSON.stringify(json), json });
const delta = (content: string): Completion => ({ choices: [{ index: 0, delta: { content } }] });
const text = (content: string): ChatChunk => ({ frames: [frame(delta(content))] });
const usage: ChatChunk = {
  frames: [frame({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } })],
};

async function* from(...items: (ChatChunk | Error)[]): AsyncGenerator<ChatChunk> {
  for (const item of items) {
    if (item instanceof Error) throw item;
    yield item;
  }
}

class Chunks extends IteratedStream {
  constructor(private readonly source: AsyncIterable<ChatChunk>) {
    super();
  }

  protected chunks() {
    return this.source;
  }
}

interface Options {
  readonly withUsage?: boolean;
  readonly readerIdleMs?: number;
}

/** A server that answers every request with these chunks. */
async function serving(chunks: AsyncIterable<ChatChunk>, { withUsage = false, readerIdleMs }: Options = {}) {
  const ended = Promise.withResolvers<void>();
  const ending = async function* (): AsyncGenerator<ChatChunk> {
    try {
      yield* chunks;
    } finally {
      ended.resolve();
    }
  };
  const server = createServer((_: IncomingMessage, response: ServerResponse) => {
    const answer = new Chunks(ending());
    response.writeHead(200, ['content-type', 'text/event-stream']);
    response.once('close', () => answer.abandon());
    new SseWriter(response, answer, new ChatStream(withUsage), null, readerIdleMs);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, ended: ended.promise, close: () => server.close().closeAllConnections() };
}

async function read(chunks: AsyncIterable<ChatChunk>, options?: Options): Promise<string> {
  const { port, close } = await serving(chunks, options);
  try {
    return await (await fetch(`http://127.0.0.1:${port}/`)).text();
  } finally {
    close();
  }
}

const connectionsOf = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));

/** More than sockets and buffers hold. */
async function* endless(): AsyncGenerator<ChatChunk> {
  for (;;) yield text('a'.repeat(100_000));
}

describe('SSE writer', () => {
  it('forwards frames as they came and ends with [DONE]', async () => {
    expect(await read(from(text('a'), text('b')))).toBe(
      'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\ndata: {"choices":[{"index":0,"delta":{"content":"b"}}]}\n\ndata: [DONE]\n\n',
    );
  });

  it('forwards runs of frames as they came, in whatever script', async () => {
    const first = frame(delta('größe'));
    const events = ['你好 ', '👋🏽', ' \\"q\\" '].map((piece) => `data: ${first.text.replace('größe', piece)}\n\n`);
    const wire = events.join('');
    const run = FrameTemplate.of(first.text, first.json)!.runAt(wire, 0)!;
    const chunk = { frames: [run] };
    const out = await read(from({ frames: [first] }, chunk, chunk, chunk));
    expect(out).toBe(`data: ${first.text}\n\n${wire.repeat(3)}data: [DONE]\n\n`);
  });

  it('serves a client of HTTP/1.0, and the next request on a connection that is kept', async () => {
    const { port, close } = await serving({ [Symbol.asyncIterator]: () => from(text('a'), text('b'), text('c')) });
    const old = connect(port, '127.0.0.1');
    old.end('GET / HTTP/1.0\r\n\r\n');
    let received = '';
    for await (const piece of old) received += String(piece);
    expect(received.split('\r\n\r\n')[1]).toMatch(
      /^data: .*"a".*\n\ndata: .*"b".*\n\ndata: .*"c".*\n\ndata: \[DONE\]\n\n$/,
    );

    const kept = connect(port, '127.0.0.1');
    let both = '';
    kept.setEncoding('utf8').on('data', (piece) => (both += String(piece)));
    kept.write('GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n'); // pipelined
    await eventually('both are answered', 5_000, () => both.split('[DONE]').length === 3);
    expect(both.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(both.match(/0\r\n\r\n/g)).toHaveLength(2);
    kept.destroy();
    close();
  });

  it('drops the usage chunk unless it was asked for', async () => {
    expect(await read(from(text('a'), usage))).not.toContain('usage');
    expect(await read(from(text('a'), usage), { withUsage: true })).toContain('usage');
  });

  it('keeps usage that comes with a choice', async () => {
    const both = {
      frames: [
        frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: usage.frames[0]!.json.usage! }),
      ],
    };
    expect(await read(from(both))).toContain('usage');
  });

  it('tells an error in-band, without [DONE] and without its cause', async () => {
    const out = await read(from(text('a'), new UpstreamError('broken off', null, { cause: 'http://10.0.0.1' })));
    expect(out).toMatch(
      /data: \{"error":\{"message":"broken off","type":"server_error","param":null,"code":"upstream_error"\}\}\n\n$/,
    );
    expect(out).not.toContain('[DONE]');
    expect(out).not.toContain('10.0.0.1');
  });

  it('hides an unexpected error', async () => {
    const out = await read(from(new TypeError('x is not a function')));
    expect(out).toContain('internal_error');
    expect(out).not.toContain('not a function');
  });

  it('holds the source up while its reader takes nothing, and goes on where it stopped', async () => {
    let made = 0;
    const counted = (async function* () {
      for (; made < 400; made += 1) yield text('a'.repeat(100_000));
    })();
    const { port, close } = await serving(counted);
    const [response] = (await once(request({ port, host: '127.0.0.1' }).end(), 'response')) as [IncomingMessage];
    await eventually('it stands still', 5_000, async () => {
      const before = made;
      await delay(50);
      return made > 0 && made === before;
    });
    expect(made).toBeLessThan(400);
    let bytes = 0;
    for await (const piece of response) bytes += (piece as Buffer).length;
    expect(bytes).toBeGreaterThan(400 * 100_000);
    close();
  });

  it('listens once, however often its reader is slow', async () => {
    let made = 0;
    let response: ServerResponse | undefined;
    let pauses = 0;
    const counted = (async function* () {
      for (; made < 300; made += 1) yield text('a'.repeat(100_000));
    })();
    const server = createServer((_: IncomingMessage, answered: ServerResponse) => {
      response = answered.writeHead(200, ['content-type', 'text/event-stream']);
      const answer = new Chunks(counted);
      const pause = answer.pause.bind(answer);
      jest.spyOn(answer, 'pause').mockImplementation(() => {
        pauses += 1;
        pause();
      });
      new SseWriter(answered, answer, new ChatStream(false));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [incoming] = (await once(request({ port, host: '127.0.0.1' }).end(), 'response')) as [IncomingMessage];
    const before = response!.listenerCount('close');
    incoming.resume();
    await eventually('it is nearly over', 5_000, () => made > 290);
    expect(response!.listenerCount('close')).toBeLessThanOrEqual(before + 1);
    expect(pauses).toBeGreaterThan(3);
    await once(incoming, 'end');
    server.close().closeAllConnections();
  });

  it('gives up a reader who takes nothing, and ends the source', async () => {
    const { port, ended, close } = await serving(endless(), { readerIdleMs: 30 });
    const [response] = (await once(request({ port, host: '127.0.0.1' }).end(), 'response')) as [IncomingMessage];
    const failed = once(response, 'error');
    await ended;
    response.resume();
    await failed;
    close();
  });

  it('gives up a reader who takes nothing of an answer that is there already', async () => {
    const server = createServer((_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, ['content-type', 'text/event-stream']);
      new SseWriter(response, new ReplayedChunks([text('a'.repeat(40_000_000))]), new ChatStream(false), null, 30);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [response] = (await once(request({ port, host: '127.0.0.1' }).end(), 'response')) as [IncomingMessage];
    const failed = once(response, 'error');
    await delay(100);
    response.resume();
    await failed;
    server.close().closeAllConnections();
  });

  it('gives up a reader who takes nothing of a whole body, and none who takes some', async () => {
    const body = 'a'.repeat(40_000_000);
    const server = createServer((_: IncomingMessage, response: ServerResponse) => {
      giveUpIdleReader(response.end(body), 150);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const get = async () => (await once(request({ port, host: '127.0.0.1' }).end(), 'response')) as [IncomingMessage];
    const [stalled] = await get();
    const failed = once(stalled, 'error');
    await eventually('it is closed', 5_000, async () => (await connectionsOf(server)) === 0);
    stalled.resume();
    await failed;
    const [slow] = await get();
    let bytes = 0;
    for await (const piece of slow) {
      bytes += (piece as Buffer).length;
      if (bytes % 50 === 0) await delay(1);
    }
    expect(bytes).toBe(body.length);
    server.close().closeAllConnections();
  });

  it('waits as long as it takes for a reader who is waiting for the model', async () => {
    const slow = (async function* () {
      yield text('a');
      await delay(120);
      yield text('b');
    })();
    expect(await read(slow, { readerIdleMs: 30 })).toContain('[DONE]');
  });

  it('ends the source when the reader goes away', async () => {
    const { port, ended, close } = await serving(endless());
    const [response] = (await once(request({ port, host: '127.0.0.1' }).end(), 'response')) as [IncomingMessage];
    response.destroy();
    await ended;
    close();
  });
});

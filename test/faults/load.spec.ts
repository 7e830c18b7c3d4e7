import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { words } from '../support/openai-answer.js';
import { called, figure, seconds } from '../support/fault-row.js';
import { allSlotsFree, ask, eventually, post, targetsOf } from '../support/router-calls.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { answer, headersThenSilence, neverAnswer } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { slowFirstToken, stallAfter } from '../support/upstream-twists.js';

interface ReadyJson {
  readonly status: string;
  readonly checks: { readonly router: { readonly detail?: string } };
}

const MB = 1024 * 1024;

describe('load and callers', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  const start = async (concurrency = 64) => {
    upstream = await UpstreamServer.start();
    router = await startRouter(inOrder([targetOn(upstream, { tier: 'cloud', concurrency })]));
  };
  afterEach(async () => {
    await router.close();
    await upstream.close();
  });

  it('L01 callers who leave: upstream aborted, slots, leases and sockets free', async () => {
    await start();
    const worst: number[] = [];
    const leave = async (stream: boolean, behaviour: Behaviour, firstPiece: boolean) => {
      upstream.reset();
      upstream.always(behaviour);
      const caller = new AbortController();
      let begun = 0;
      const requests = Array.from({ length: 20 }, async () => {
        const body = { model: 'auto', messages: ask('hi'), stream };
        const response = await post(`${router.url}/v1/chat/completions`, body, {}, caller.signal);
        const reader = response.body!.getReader();
        await reader.read();
        begun += 1;
        await reader.read().then(() => reader.closed);
      });
      const settled = Promise.allSettled(requests);
      await upstream.received(19);
      if (firstPiece) await eventually('all have begun to read', 2_000, () => begun === 20);
      const left = performance.now();
      caller.abort();
      await settled;
      await upstream.idle();
      await allSlotsFree(router);
      worst.push(performance.now() - left);
      expect(upstream.requests.map(({ ending }) => ending)).toEqual(Array(20).fill('aborted'));
    };
    await leave(false, neverAnswer, false);
    await leave(true, neverAnswer, false);
    await leave(true, headersThenSilence, false);
    await leave(true, answer('one two three', {}, stallAfter(2, 'never')), true);
    expect(Math.max(...worst)).toBeLessThan(1_000);
    figure('L01', `4 x 20 callers left: all freed within ${seconds(Math.max(...worst))}, leaked 0`);
  });

  it('L02 four times the capacity: the surplus is shed fast, goodput stays', async () => {
    await start(16);
    const serviceMs = 100;
    upstream.always(answer(words(5), {}, slowFirstToken(serviceMs, 'headers')));
    const run = async (callers: number, forMs: number) => {
      const end = performance.now() + forMs;
      const answered: number[] = [];
      const shed: number[] = [];
      const caller = async () => {
        while (performance.now() < end) {
          const got = await called(router);
          (got.status === 200 ? answered : shed).push(got.ms);
          if (got.status !== 200) {
            expect([429, 503]).toContain(got.status);
            expect(Number(got.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
            await delay(50); // a client that backs off, though less than it was told
          }
        }
      };
      await Promise.all(Array.from({ length: callers }, caller));
      return { goodput: answered.length / (forMs / 1000), shed };
    };
    const peak = await run(16, 1_000);
    const over = await run(64, 1_500);
    const kept = over.goodput / peak.goodput;
    const slowest = over.shed.toSorted((a, b) => a - b)[Math.floor(over.shed.length * 0.95)] ?? 0;
    expect(kept).toBeGreaterThanOrEqual(0.8);
    expect(over.shed.length).toBeGreaterThan(0);
    expect(slowest).toBeLessThan(500);
    figure(
      'L02',
      `goodput ${(kept * 100).toFixed(0)} % of peak, ${over.shed.length} shed, p95 ${slowest.toFixed(0)} ms to be told`,
    );
  });

  it('L02 an event loop that lags under many requests: new ones are turned away, probes are answered', async () => {
    await start(1_000);
    upstream.always(neverAnswer);
    const caller = new AbortController();
    const body = { model: 'auto', messages: ask('hi') };
    const waiting = Array.from({ length: 220 }, () =>
      post(`${router.url}/v1/chat/completions`, body, {}, caller.signal).catch(() => null),
    );
    await upstream.received(219);
    for (let i = 0; i < 4; i += 1) {
      const until = performance.now() + 700;
      while (performance.now() < until); // more work than there is time for
      await new Promise((resolve) => setImmediate(resolve));
    }
    const got = await called(router);
    expect(got).toMatchObject({ status: 503, error: { code: 'overloaded' } });
    expect(Number(got.headers.get('retry-after'))).toBeGreaterThanOrEqual(2);
    expect((await fetch(`${router.url}/health`)).status).toBe(200);
    expect(upstream.requests).toHaveLength(220);
    await eventually('open again', 5_000, async () => (await fetch(`${router.url}/v1/models`)).status === 200);
    caller.abort();
    await Promise.all(waiting);
  });

  it('L03 a reader who does not read: backpressure reaches upstream, memory is bounded', async () => {
    await start();
    const frame = `data: {"choices":[{"index":0,"delta":{"content":"${'x'.repeat(8_000)}"}}]}\n\n`;
    const size = 64 * MB;
    upstream.always(() => [
      { do: 'head', status: 200, headers: { 'content-type': 'text/event-stream' } },
      { do: 'repeat', bytes: Buffer.from(frame), times: Math.ceil(size / frame.length) },
      { do: 'end' },
    ]);
    const before = process.memoryUsage().rss;
    const sockets = await Promise.all(Array.from({ length: 8 }, () => idleReader(router)));
    await upstream.received(7);
    let sent = -1;
    await eventually('upstream is held up', 10_000, async () => {
      const now = upstream.requests.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
      const same = now === sent && now > 0;
      sent = now;
      await delay(200);
      return same;
    });
    const grownMb = (process.memoryUsage().rss - before) / MB;
    expect(sent / 8).toBeLessThan(size / 2);
    expect(grownMb).toBeLessThan(200);
    for (const socket of sockets) socket.destroy();
    await upstream.idle();
    await allSlotsFree(router);
    figure(
      'L03',
      `8 readers who stop: upstream held after ${(sent / 8 / MB).toFixed(1)} of 64 MB each, memory ${grownMb.toFixed(0)} MB more`,
    );
  });

  it('L06 a blocked event loop: readiness tells, liveness does not flap', async () => {
    await start();
    const health = setIntervalCalls(() => fetch(`${router.url}/health`));
    let ready: { status: number; body: ReadyJson };
    let statuses: number[];
    try {
      await delay(2_500); // what happens while the service starts is not counted
      const until = performance.now() + 300;
      while (performance.now() < until); // the event loop of router and test is one
      await delay(50);
      const response = await fetch(`${router.url}/ready`);
      ready = { status: response.status, body: (await response.json()) as ReadyJson };
    } finally {
      statuses = await health.stop(); // before the router closes, whatever came of it
    }
    const { detail } = ready.body.checks.router;
    expect(ready).toMatchObject({ status: 200, body: { status: 'degraded' } });
    expect(detail).toMatch(/event loop stood still for \d+ ms/);
    expect(statuses.length).toBeGreaterThan(0);
    expect(new Set(statuses)).toEqual(new Set([200]));
    figure('L06', `${detail}; liveness ${statuses.length} x 200`);
  });

  it('L07 sustained mixed load leaves nothing behind (the short form of 20 minutes)', async () => {
    await start();
    upstream.always(answer(words(20)));
    const round = async (requests: number) => {
      for (let sent = 0; sent < requests; sent += 50) {
        await Promise.all(
          Array.from({ length: 50 }, (_, i) =>
            called(router, { stream: i % 2 === 0, messages: ask(`question ${sent + i}`) }),
          ),
        );
        upstream.reset();
        upstream.always(answer(words(20)));
      }
    };
    await round(500);
    const handles = process.getActiveResourcesInfo().length;
    await round(1_000);
    await allSlotsFree(router);
    const left = process.getActiveResourcesInfo().length - handles;
    expect(left).toBeLessThanOrEqual(20); // kept-alive sockets come and go
    expect((await targetsOf(router)).every(({ in_flight: calls }) => calls === 0)).toBe(true);
    figure('L07', `1,000 requests: handles ${left >= 0 ? '+' : ''}${left}, slots 0`);
  });
});

/** Sends a streaming request and never reads the answer. */
async function idleReader({ url }: RouterApp): Promise<Socket> {
  const { port } = new URL(url);
  const socket = connect({ port: Number(port), host: '127.0.0.1' });
  await once(socket, 'connect');
  socket.pause();
  const body = JSON.stringify({ model: 'auto', messages: ask('hi'), stream: true });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

function setIntervalCalls(call: () => Promise<Response>): { stop(): Promise<number[]> } {
  const calls: Promise<number>[] = [];
  const timer = setInterval(() => calls.push(call().then(({ status }) => status)), 20);
  return {
    stop: () => {
      clearInterval(timer);
      return Promise.all(calls);
    },
  };
}

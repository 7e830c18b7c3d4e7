import { readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { Connection, requestBytes } from './connection.js';
import { Inspector, INSPECTED } from './inspector.js';
import { assertOk, closedLoop } from './load.js';
import type { Bench } from './measurements.js';
import { requestBody } from './payloads.js';
import { residentMb } from './process-figures.js';
import type { Row } from './report.js';
import { AUTHORIZED, benchConfig, CHAT, portOf, startRouter } from './router-under-test.js';
import { slopeOf } from './statistics.js';

const MS_PER_MINUTE = 60_000;
const CONNECTIONS = 16;
const STREAMS = 20;
/** Every tenth stream is left in the middle. */
const LEAVES = 10;
const LEAVE_AFTER_MS = 200;
const TURNS_PER_SESSION = 20;
const PROBE_MS = 3_000;
/** The caches of answers and conversations have their bounds; until they are full the heap grows. Share of the time. */
const FILLING = 0.5;
const SAMPLES = 20;
const QUIET_MS = 6_000;

/** What the load is made of, by the number of a request: new questions, known ones, turns of conversations. */
function requestOf(port: number, n: number): Buffer {
  const path = CHAT;
  if (n % 10 === 0) {
    const headers = { ...AUTHORIZED, 'x-session-id': `soak-${Math.floor(n / 10 / TURNS_PER_SESSION)}` };
    return requestBytes({ port, path, body: requestBody('plain', false, ` (turn ${n})`), headers });
  }
  const body = requestBody('plain', false, n % 4 === 0 ? '' : ` (${n})`);
  return requestBytes({ port, path, body, headers: AUTHORIZED });
}

/** Sends `perSecond` requests over a few connections until `end`, each connection one after the other. */
async function pacedRequests(port: number, perSecond: number, end: number): Promise<number> {
  const everyMs = (CONNECTIONS * 1000) / perSecond;
  let sent = 0;
  const worker = async (): Promise<void> => {
    const connection = await Connection.open(port);
    for (let due = performance.now(); due < end; due += everyMs) {
      const early = due - performance.now();
      if (early > 1) await setTimeout(early);
      assertOk(await connection.request(requestOf(port, (sent += 1))), CHAT);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  return sent;
}

/** Streams one after the other until `end`; some callers leave in the middle. */
async function streams(port: number, end: number): Promise<void> {
  const bytes = requestBytes({ port, path: CHAT, body: requestBody('paced', true), headers: AUTHORIZED });
  const reader = async (_: unknown, worker: number): Promise<void> => {
    for (let n = worker; performance.now() < end; n += 1) {
      const connection = await Connection.open(port);
      if (n % LEAVES === 0) {
        connection.request(bytes).catch(() => undefined); // left on purpose
        await setTimeout(LEAVE_AFTER_MS);
      } else assertOk(await connection.request(bytes), CHAT);
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: STREAMS }, reader));
}

const handlesOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/**
 * Mixed load at half of what the router can do, for `pace.soakMinutes`; the heap after a full collection is looked at 20
 * times. The rows are its slope in the second half, the handles that are left when all callers have gone, and the memory.
 */
export async function soak({ upstreamPort, pace }: Bench): Promise<Row[]> {
  const { router } = await startRouter(benchConfig(upstreamPort, true), INSPECTED);
  const port = portOf(router);
  const inspector = await Inspector.of(router);
  try {
    const side = { port, path: CHAT, bodies: [requestBody('plain', false)], headers: AUTHORIZED };
    const load = { ...side, connections: CONNECTIONS, durationMs: PROBE_MS };
    const { perSecond } = await closedLoop({ ...load, headers: { ...AUTHORIZED, 'cache-control': 'no-store' } });
    await setTimeout(QUIET_MS);
    const handles = handlesOf(router.pid);
    const start = performance.now();
    const end = start + pace.soakMinutes * MS_PER_MINUTE;
    const running = Promise.all([pacedRequests(port, perSecond / 2, end), streams(port, end)]);
    const samples: { readonly x: number; readonly y: number }[] = [];
    for (let n = 1; n <= SAMPLES; n += 1) {
      await Promise.race([running, setTimeout(start + ((end - start) * n) / (SAMPLES + 1) - performance.now())]);
      samples.push({ x: (performance.now() - start) / MS_PER_MINUTE, y: await inspector.heapAfterGcMb() });
      process.stderr.write(`${samples.at(-1)?.x.toFixed(1)} min: ${samples.at(-1)?.y.toFixed(1)} MB\n`);
    }
    const [requests] = await running;
    const resident = residentMb(router.pid);
    await setTimeout(QUIET_MS);
    const counted = samples.filter(({ x }) => x >= pace.soakMinutes * FILLING);
    const [first, last] = [counted[0]?.y.toFixed(1), counted.at(-1)?.y.toFixed(1)];
    return [
      {
        what: `${pace.soakMinutes} minutes at half load: heap after GC`,
        value: slopeOf(counted),
        unit: 'MB/min',
        atLeast: null,
        target: { at: 'most', value: 0.1 },
        detail: `${first} to ${last} MB; ${requests.toLocaleString('en')} requests`,
      },
      {
        what: `${pace.soakMinutes} minutes at half load: handles left`,
        value: handlesOf(router.pid) - handles,
        unit: 'handles',
        atLeast: null,
        target: { at: 'most', value: 0 },
        detail: `${handles} before, files and sockets`,
      },
      {
        what: `${pace.soakMinutes} minutes at half load: RSS`,
        value: resident,
        unit: 'MB',
        atLeast: { at: 'most', value: 300 },
        target: null,
        detail: `at the end of the load; ${residentMb(router.pid).toFixed(0)} MB after ${QUIET_MS / 1000} s of quiet`,
      },
    ];
  } finally {
    inspector.close();
    await router.kill();
  }
}

import { performance } from 'node:perf_hooks';
import { Connection, requestBytes, type BodyReader, type Exchange, type RequestOptions } from './connection.js';

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds, one a request. */
  readonly latencies: readonly number[];
  /** SSE events per second; 0 for plain answers. */
  readonly eventsPerSecond: number;
  readonly eventsPerRequest: number;
}

export interface LoadOptions extends RequestOptions {
  readonly connections: number;
  readonly durationMs: number;
}

const EVENT_END = Buffer.from('\n\n');
const LINE_FEED = 0x0a;

/** Counts `\n\n` in raw bytes without parsing them. */
class EventCounter {
  count = 0;
  private endedInLineFeed = false;

  readonly read: BodyReader = (bytes) => {
    let from = 0;
    if (this.endedInLineFeed && bytes[0] === LINE_FEED) {
      this.count += 1;
      from = 1;
    }
    for (let at = bytes.indexOf(EVENT_END, from); at !== -1; at = bytes.indexOf(EVENT_END, at + 2)) this.count += 1;
    this.endedInLineFeed = bytes[bytes.length - 1] === LINE_FEED;
  };
}

export function assertOk({ status, head }: Exchange, path: string): void {
  if (status !== 200) throw new Error(`${path} answered ${head.split('\r\n')[0]}`);
}

/**
 * A closed loop: every connection sends its next request when the last answer is complete, until the time is over.
 *
 * @throws Error on any status other than 200: a benchmark of errors is worth nothing
 */
export async function closedLoop(options: LoadOptions): Promise<LoadResult> {
  const connections = await Promise.all(
    Array.from({ length: options.connections }, () => Connection.open(options.port)),
  );
  const bytes = requestBytes(options);
  const latencies: number[] = [];
  const events = new EventCounter();
  const start = performance.now();
  const end = start + options.durationMs;
  const loop = async (connection: Connection): Promise<void> => {
    for (let sent = performance.now(); sent < end; sent = performance.now()) {
      assertOk(await connection.request(bytes, events.read), options.path);
      latencies.push(performance.now() - sent);
    }
  };
  try {
    await Promise.all(connections.map(loop));
  } finally {
    for (const connection of connections) connection.close();
  }
  const seconds = (performance.now() - start) / 1000;
  return {
    perSecond: latencies.length / seconds,
    latencies,
    eventsPerSecond: events.count / seconds,
    eventsPerRequest: events.count / latencies.length,
  };
}

/**
 * One caller who asks each server in turn, `count` times; milliseconds by server. In turn, so that a change of the
 * machine's mood hits all of them alike.
 */
export async function oneCaller(servers: readonly RequestOptions[], count: number): Promise<number[][]> {
  const callers = await Promise.all(
    servers.map(async (server) => ({
      path: server.path,
      bytes: requestBytes(server),
      connection: await Connection.open(server.port),
      latencies: [] as number[],
    })),
  );
  try {
    for (let i = 0; i < count; i += 1) {
      for (const { connection, bytes, latencies, path } of callers) {
        const sent = performance.now();
        assertOk(await connection.request(bytes), path);
        latencies.push(performance.now() - sent);
      }
    }
  } finally {
    for (const { connection } of callers) connection.close();
  }
  return callers.map(({ latencies }) => latencies);
}

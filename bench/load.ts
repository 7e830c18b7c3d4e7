import { performance } from 'node:perf_hooks';
import type { CacheResult } from '../src/modules/cache/cache.messages.js';
import { Connection, requestBytes, type BodyReader, type Exchange, type RequestOptions } from './connection.js';
import { NUMBER_DIGITS, NUMBER_KEY, PLAIN_BYTES } from './payloads.js';

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** SSE events per second; 0 for plain answers. */
  readonly eventsPerSecond: number;
}

/** What is asked in turn: every connection goes through `bodies` from a place of its own. */
export interface Questions extends Omit<RequestOptions, 'body'> {
  readonly bodies: readonly string[];
  /** Whether they stay the same questions; left out: where a body has room for a number, each sending has its own. */
  readonly isRepeated?: boolean;
  /** What every answer's `x-router-cache` has to say; left out: it is not looked at. */
  readonly cache?: CacheResult;
  /** What stands in front of the number that a body has room for; left out: `NUMBER_KEY`. */
  readonly numberKey?: string;
}

export interface LoadOptions extends Questions {
  readonly connections: number;
  readonly durationMs: number;
  /** Content chunks of every stream; left out: answers are plain. */
  readonly chunks?: number;
  /** Whether an answer of another protocol than chat completions came whole; left out: of this one. */
  readonly isWhole?: (answer: ReadAnswer) => boolean;
}

/** As much of an answer as tells whether it is whole. */
export interface ReadAnswer {
  /** Bytes of a plain one; `null` = of unknown length. */
  readonly length: number | null;
  /** The last bytes of a stream. */
  readonly tail: string;
}

/** Room for the last event of a stream that has the whole answer in it again, bytes. */
const LAST_EVENT = 4_096;
const EVENT_END = Buffer.from('\n\n');
const LINE_FEED = 0x0a;
/** Role, finish reason and `[DONE]`; the usage that nobody asked for is in the bare pipe's streams alone. */
const OTHER_EVENTS = 3;

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

/** Of the numbers that bodies carry: no two requests of a run have the same. */
let asked = 10 ** (NUMBER_DIGITS - 1);

/** The requests of one connection, made once; where a body has room for a number, each sending gets the next one. */
export class Requests {
  private readonly all: readonly { readonly bytes: Buffer; readonly numberAt: number }[];
  private turn: number;

  constructor({ bodies, isRepeated = false, numberKey = NUMBER_KEY, ...where }: Questions, first = 0) {
    this.turn = first;
    this.all = bodies.map((body) => {
      const bytes = requestBytes({ ...where, body });
      const at = isRepeated ? -1 : bytes.indexOf(numberKey);
      return { bytes, numberAt: at === -1 ? -1 : at + numberKey.length };
    });
  }

  /** To be sent before the next one is asked for. */
  next(): Buffer {
    const { bytes, numberAt } = this.all[this.turn++ % this.all.length]!;
    if (numberAt !== -1) bytes.write(String((asked += 1)), numberAt, 'latin1');
    return bytes;
  }
}

export function assertOk({ status, head }: Exchange, path: string): void {
  if (status !== 200) throw new Error(`${path} answered ${head.split('\r\n')[0]}`);
}

/** @throws Error unless the answer came from where it is said to: a hit is not compared with what was none */
export function assertCache({ head }: Exchange, wanted: CacheResult): void {
  if (head.includes(`\r\nx-router-cache: ${wanted}\r\n`)) return;
  throw new Error(`expected x-router-cache: ${wanted}, got\n${head}`);
}

/** @throws Error unless it is the whole answer of the upstream: a benchmark of errors is worth nothing */
export function assertPlain(exchange: Exchange, path: string): void {
  assertOk(exchange, path);
  if (exchange.length === PLAIN_BYTES) return;
  throw new Error(`${path} answered ${exchange.length ?? 'an unknown number of'} bytes instead of ${PLAIN_BYTES}`);
}

/** @throws Error unless the stream came whole: its chunks, what else belongs to one, and `[DONE]` at its end */
export function assertStream(stream: { path: string; tail: string; events: number; chunks: number }): void {
  const { path, tail, events, chunks } = stream;
  if (!tail.includes('data: [DONE]\n\n')) throw new Error(`a stream of ${path} ended without [DONE]`);
  const most = chunks + OTHER_EVENTS + 1;
  if (events === most || events === most - 1) return;
  throw new Error(`a stream of ${chunks} chunks came from ${path} with ${events} events`);
}

/** @throws Error unless it came whole */
function assertWhole(
  path: string,
  exchange: Exchange,
  tail: string,
  isWhole: NonNullable<LoadOptions['isWhole']>,
): void {
  assertOk(exchange, path);
  if (!isWhole({ length: exchange.length, tail })) throw new Error(`an answer of ${path} did not come whole: ${tail}`);
}

/**
 * A closed loop: every connection sends its next request when the last answer is complete, until the time is over.
 *
 * @throws Error on any answer that is not whole
 */
export async function closedLoop(options: LoadOptions): Promise<LoadResult> {
  const { path, chunks, cache, isWhole } = options;
  const connections = await Promise.all(
    Array.from({ length: options.connections }, () => Connection.open(options.port, isWhole ? LAST_EVENT : undefined)),
  );
  const counters = connections.map(() => new EventCounter());
  let requests = 0;
  const start = performance.now();
  const end = start + options.durationMs;
  const loop = async (connection: Connection, n: number): Promise<void> => {
    const questions = new Requests(options, n);
    const events = counters[n]!;
    while (performance.now() < end) {
      const before = events.count;
      const exchange = await connection.request(questions.next(), chunks === undefined ? undefined : events.read);
      if (cache !== undefined) assertCache(exchange, cache);
      if (isWhole) assertWhole(path, exchange, connection.tail, isWhole);
      else if (chunks === undefined) assertPlain(exchange, path);
      else {
        assertOk(exchange, path);
        assertStream({ path, tail: connection.tail, events: events.count - before, chunks });
      }
      requests += 1;
    }
  };
  try {
    await Promise.all(connections.map(loop));
  } finally {
    for (const connection of connections) connection.close();
  }
  const seconds = (performance.now() - start) / 1000;
  const events = counters.reduce((sum, { count }) => sum + count, 0);
  return { requests, perSecond: requests / seconds, eventsPerSecond: events / seconds };
}

/**
 * One caller who asks each server in turn, `count` times; milliseconds by server. In turn, so that a change of the
 * machine's mood hits all of them alike.
 */
export async function oneCaller(servers: readonly Questions[], count: number): Promise<number[][]> {
  const callers = await Promise.all(
    servers.map(async (server) => ({
      server,
      questions: new Requests(server),
      connection: await Connection.open(server.port),
      latencies: [] as number[],
    })),
  );
  try {
    for (let i = 0; i < count; i += 1) {
      for (const { connection, questions, latencies, server } of callers) {
        const bytes = questions.next();
        const sent = performance.now();
        const exchange = await connection.request(bytes);
        latencies.push(performance.now() - sent);
        assertPlain(exchange, server.path);
        if (server.cache !== undefined) assertCache(exchange, server.cache);
      }
    }
  } finally {
    for (const { connection } of callers) connection.close();
  }
  return callers.map(({ latencies }) => latencies);
}

import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { Connection, type BodyReader, type Exchange } from './connection.js';
import { assertOk, Requests, type Questions } from './load.js';
import { PACED_CHUNKS, STAMP_DIGITS, STAMP_KEY } from './payloads.js';

export interface PacedResult {
  /** Longest pause between two chunks beyond the pause the upstream made there, milliseconds. */
  readonly worstStallMs: number;
  /** From the upstream's write to our read, milliseconds, one a chunk. */
  readonly delays: readonly number[];
  /** From the sending of a request to its first content, milliseconds, one a stream. */
  readonly firstChunkMs: readonly number[];
}

const STEP_MS = 20;

const nowMs = (): number => performance.timeOrigin + performance.now();

/** Reads the time stamps that the upstream puts into its frames. */
class StampReader {
  worstStallMs = 0;
  firstChunkMs = NaN;
  readonly delays: number[] = [];
  private rest = '';
  private previous = NaN;
  private readonly begunMs = nowMs();

  readonly read: BodyReader = (bytes) => {
    const text = this.rest + bytes.toString('latin1');
    const now = nowMs();
    let from = 0;
    for (let at = text.indexOf(STAMP_KEY); at !== -1; at = text.indexOf(STAMP_KEY, from)) {
      const digits = at + STAMP_KEY.length;
      if (text.length < digits + STAMP_DIGITS) break;
      if (this.delays.length === 0) this.firstChunkMs = now - this.begunMs;
      this.note(now - Number(text.slice(digits, digits + STAMP_DIGITS)) / 1000);
      from = digits + STAMP_DIGITS;
    }
    this.rest = text.slice(Math.max(from, text.length - STAMP_KEY.length - STAMP_DIGITS));
  };

  /** The pause before this chunk minus the upstream's own is the growth of the delay. */
  private note(delay: number): void {
    this.delays.push(delay);
    if (delay - this.previous > this.worstStallMs) this.worstStallMs = delay - this.previous;
    this.previous = delay;
  }
}

interface ReadStream {
  readonly exchange: Exchange;
  readonly reader: StampReader;
}

/** @throws Error when the stream is not complete */
async function readStream(connection: Connection, bytes: Buffer, path: string): Promise<ReadStream> {
  const reader = new StampReader();
  const exchange = await connection.request(bytes, reader.read);
  assertOk(exchange, path);
  if (reader.delays.length !== PACED_CHUNKS || !connection.tail.includes('data: [DONE]\n\n')) {
    throw new Error(`a stream of ${PACED_CHUNKS} chunks came with ${reader.delays.length}, or without [DONE]`);
  }
  return { exchange, reader };
}

/**
 * Holds `streams` paced streams open at once, `perStep` more of them every 20 ms; each connection reads `rounds` of them
 * one after the other.
 *
 * @throws Error when a stream is not complete
 */
export async function pacedStreams(
  options: Questions & { readonly streams: number; readonly rounds: number; readonly perStep: number },
): Promise<PacedResult> {
  const connections: Connection[] = [];
  const readers: StampReader[] = [];
  const readAll = async (connection: Connection, n: number): Promise<void> => {
    const questions = new Requests(options, n);
    for (let round = 0; round < options.rounds; round += 1) {
      readers.push((await readStream(connection, questions.next(), options.path)).reader);
    }
  };
  const running: Promise<void>[] = [];
  try {
    while (connections.length < options.streams) {
      const wanted = Math.min(options.perStep, options.streams - connections.length);
      const opened = await Promise.all(Array.from({ length: wanted }, () => Connection.open(options.port)));
      const before = connections.length;
      connections.push(...opened);
      running.push(Promise.all(opened.map((one, n) => readAll(one, before + n))).then(() => undefined));
      running.at(-1)?.catch(() => undefined); // awaited below, all together
      await setTimeout(STEP_MS);
    }
    await Promise.all(running);
  } finally {
    for (const connection of connections) connection.close();
  }
  return {
    worstStallMs: Math.max(...readers.map((reader) => reader.worstStallMs)),
    delays: readers.flatMap((reader) => reader.delays),
    firstChunkMs: readers.map((reader) => reader.firstChunkMs),
  };
}

/**
 * Begins `streams` paced streams in equal steps within a time, each on a connection of its own, whether those before have
 * begun to answer or not, and reads all of them.
 *
 * @returns milliseconds until the last was begun
 * @throws Error when a stream is not complete
 */
export async function begunStreams(
  options: Questions & { readonly streams: number; readonly withinMs: number },
): Promise<number> {
  const questions = new Requests(options);
  const running: Promise<void>[] = [];
  const begin = async (): Promise<void> => {
    const bytes = Buffer.from(questions.next()); // its own: the connection is not open yet when the next one is made
    const connection = await Connection.open(options.port);
    try {
      await readStream(connection, bytes, options.path);
    } finally {
      connection.close();
    }
  };
  const start = performance.now();
  while (running.length < options.streams) {
    const due = Math.ceil(((performance.now() - start) * options.streams) / options.withinMs);
    while (running.length < Math.min(due, options.streams)) {
      const stream = begin();
      stream.catch(() => undefined); // awaited below, all together
      running.push(stream);
    }
    await setTimeout(1);
  }
  const begunMs = performance.now() - start;
  await Promise.all(running);
  return begunMs;
}

/**
 * Asks the same over all connections at once, and reads what comes on each.
 *
 * @returns status line and headers of each answer
 * @throws Error when a stream is not complete
 */
export async function sameStream(connections: readonly Connection[], bytes: Buffer, path: string): Promise<Exchange[]> {
  const read = await Promise.all(connections.map((connection) => readStream(connection, bytes, path)));
  return read.map(({ exchange }) => exchange);
}

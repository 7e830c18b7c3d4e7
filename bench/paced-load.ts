import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { Connection, requestBytes, type BodyReader, type RequestOptions } from './connection.js';
import { assertOk } from './load.js';
import { PACED_CHUNKS, STAMP_DIGITS, STAMP_KEY } from './payloads.js';

export interface PacedResult {
  readonly streams: number;
  /** Longest pause between two chunks beyond the pause the upstream made there, milliseconds. */
  readonly worstStallMs: number;
  /** From the upstream's write to our read, milliseconds, one a chunk. */
  readonly delays: readonly number[];
}

/** Connections opened per step while the load builds up; a burst of 1,000 would measure the backlog, not the streams. */
const RAMP = 25;
const RAMP_STEP_MS = 20;

const nowMs = (): number => performance.timeOrigin + performance.now();

/** Reads the time stamps that the upstream puts into its frames. */
class StampReader {
  worstStallMs = 0;
  readonly delays: number[] = [];
  private rest = '';
  private previous = NaN;

  readonly read: BodyReader = (bytes) => {
    const text = this.rest + bytes.toString('latin1');
    const now = nowMs();
    let from = 0;
    for (let at = text.indexOf(STAMP_KEY); at !== -1; at = text.indexOf(STAMP_KEY, from)) {
      const digits = at + STAMP_KEY.length;
      if (text.length < digits + STAMP_DIGITS) break;
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

/**
 * Holds `streams` paced streams open at once; each connection reads `rounds` of them one after the other.
 *
 * @throws Error when a stream is not complete
 */
export async function pacedStreams(
  options: RequestOptions & { readonly streams: number; readonly rounds: number },
): Promise<PacedResult> {
  const bytes = requestBytes(options);
  const connections: Connection[] = [];
  const readers: StampReader[] = [];
  const readAll = async (connection: Connection): Promise<void> => {
    for (let round = 0; round < options.rounds; round += 1) {
      const reader = new StampReader();
      readers.push(reader);
      assertOk(await connection.request(bytes, reader.read), options.path);
      if (reader.delays.length !== PACED_CHUNKS) {
        throw new Error(`a stream of ${PACED_CHUNKS} chunks came with ${reader.delays.length}`);
      }
    }
  };
  const running: Promise<void>[] = [];
  try {
    while (connections.length < options.streams) {
      const opened = await Promise.all(Array.from({ length: RAMP }, () => Connection.open(options.port)));
      connections.push(...opened);
      running.push(Promise.all(opened.map(readAll)).then(() => undefined));
      running.at(-1)?.catch(() => undefined); // awaited below, all together
      await setTimeout(RAMP_STEP_MS);
    }
    await Promise.all(running);
  } finally {
    for (const connection of connections) connection.close();
  }
  return {
    streams: connections.length,
    worstStallMs: Math.max(...readers.map((reader) => reader.worstStallMs)),
    delays: readers.flatMap((reader) => reader.delays),
  };
}

import { createReadStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Overloaded } from '../../../common/app-error.js';
import { BackgroundWork } from '../../../common/background-work.js';
import type { Caller } from '../../../common/caller.js';
import { inTime } from '../../../common/in-time.js';
import { readableJson } from '../../../common/json/readable.js';
import { makeFolder } from '../../../common/make-folder.js';

const FILE = 'decisions.jsonl';
const OLDER = 'decisions.1.jsonl';
/** The file before the present one is kept, so the log takes at most twice this. */
const MOST_BYTES = 32 * 1024 * 1024;
const FLUSH_MS = 1_000;
const LAST_FLUSH_MS = 2_000;
/** So much is written at once, bytes. */
const WRITE_AT_BYTES = 256 * 1024;
/** A buffer that a slow disk has made larger goes when it is empty. */
const MOST_KEPT_BYTES = 1024 * 1024;
/** Lines waiting for a disk that does not take them; the older half is dropped then. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;
const MOST_SEARCHES = 16;
/** As much is looked through before other work has its turn, bytes. */
const PIECE = 256 * 1024;
/** No line of the log is longer, bytes. */
const LONGEST_LINE = 64 * 1024;
const NEWLINE = 10;
const NO_BYTES = Buffer.alloc(0);

/**
 * Decisions and what callers thought of the answers, one JSON object a line, in `decisions.jsonl` of the data folder:
 * numbers and names, never text of a conversation. `npm run whatif` replays them, `npm run train-router -- --feedback`
 * learns from them. Writing is in the background; a disk that fails costs log lines, never a request.
 */
@Injectable()
export class DecisionLog implements OnApplicationShutdown {
  private readonly logger = new Logger('decisions');
  private readonly folder = process.env['ROUTER_DATA_DIR'] || 'data';
  /**
   * Lines on their way to the file. As objects, or as texts, they would live until the next write, long enough for the
   * collector to move and mark all of them: that cost more than the decisions.
   */
  private waiting = NO_BYTES;
  private used = 0;
  /** Takes turns with `waiting`. */
  private spare = NO_BYTES;
  private readonly background = new BackgroundWork('decisions');
  private writes = 0;
  /** Whether the file may end in the middle of a line: the process before ended, or a write failed, while it was written. */
  private mayBeTorn = true;
  private writing: Promise<void> = Promise.resolve();
  private searching: Promise<unknown> = Promise.resolve();
  private searches = 0;

  append(entry: object): void {
    const line = JSON.stringify(entry);
    this.makeRoom(3 * line.length + 1); // no character takes more bytes
    this.used += this.waiting.write(line, this.used);
    this.waiting[this.used++] = NEWLINE;
    if (this.used < WRITE_AT_BYTES) this.background.soon('writing decisions down', FLUSH_MS, () => this.flush());
    else if (this.writes === 0) this.background.launch('writing decisions down', () => this.flush());
  }

  /** Resolves when everything so far is in the file, or the disk has refused it. */
  flush(): Promise<void> {
    this.writes += 1;
    this.writing = this.writing.then(() => this.write());
    return this.writing;
  }

  /**
   * Whether the log has a decision for this user's request. One search at a time, as each reads up to two files.
   *
   * @throws Overloaded when too many wait
   */
  async has({ tenant, user }: Pick<Caller, 'tenant' | 'user'>, requestId: string): Promise<boolean> {
    if (this.searches >= MOST_SEARCHES) throw new Overloaded('Too many look-ups in the decision log. Try again.', 1);
    this.searches += 1;
    const text = `"request_id":${JSON.stringify(requestId)}`;
    const wanted = { type: 'decision', request_id: requestId, tenant, user };
    const search = async (): Promise<boolean> => {
      const found = await hasLine(join(this.folder, FILE), text, wanted);
      return found || hasLine(join(this.folder, OLDER), text, wanted);
    };
    const mine = this.searching.then(search);
    this.searching = Promise.allSettled([mine]);
    return mine.finally(() => (this.searches -= 1));
  }

  async onApplicationShutdown(): Promise<void> {
    await inTime(this.flush(), LAST_FLUSH_MS, null); // nobody else's end waits for a disk that hangs
  }

  private makeRoom(bytes: number): void {
    if (this.used + bytes > MOST_WAITING_BYTES) {
      const dropped = this.waiting.indexOf(NEWLINE, this.used >> 1) + 1;
      this.logger.warn({ bytes: dropped }, 'decisions are dropped: the disk does not keep up');
      this.used = this.waiting.copy(this.waiting, 0, dropped, this.used);
    }
    const needed = this.used + bytes;
    if (needed <= this.waiting.length) return;
    const larger = Buffer.allocUnsafe(Math.max(WRITE_AT_BYTES + LONGEST_LINE, 2 * this.waiting.length, needed));
    this.waiting.copy(larger, 0, 0, this.used);
    this.waiting = larger;
  }

  private async write(): Promise<void> {
    const { waiting, used } = this;
    this.waiting = this.spare;
    this.used = 0;
    if (used > 0) await this.put(waiting.subarray(0, used));
    this.spare = waiting.length > MOST_KEPT_BYTES ? NO_BYTES : waiting;
    this.writes -= 1;
  }

  private async put(lines: Buffer): Promise<void> {
    try {
      const size = await appendLines(join(this.folder, FILE), lines, this.mayBeTorn);
      this.mayBeTorn = false;
      if (size > MOST_BYTES) await rename(join(this.folder, FILE), join(this.folder, OLDER));
    } catch (error) {
      this.mayBeTorn = true;
      this.logger.warn({ err: error, bytes: lines.length }, 'decisions could not be written');
    }
  }
}

/** @param mayBeTorn a line without its end gets one first, or it would spoil the next @returns the size of the file, bytes */
async function appendLines(path: string, lines: Buffer, mayBeTorn: boolean): Promise<number> {
  const file = await open(path, 'a+').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    makeFolder(dirname(path));
    return open(path, 'a+');
  });
  try {
    const { size } = await file.stat();
    const last = mayBeTorn && size > 0 ? (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] : NEWLINE;
    await file.appendFile(last === NEWLINE ? lines : Buffer.concat([Buffer.of(NEWLINE), lines]));
    return size + lines.length;
  } finally {
    await file.close();
  }
}

/**
 * Whether a file of JSON lines has one with this text in it and these fields; without the file, no. Reads in pieces, so
 * that the event loop goes on turning.
 */
async function hasLine(file: string, text: string, fields: Readonly<Record<string, string>>): Promise<boolean> {
  const needle = Buffer.from(text);
  let rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  try {
    for await (const piece of createReadStream(file, { highWaterMark: PIECE }) as AsyncIterable<Buffer>) {
      const read = Buffer.concat([rest, piece]);
      const end = read.lastIndexOf(NEWLINE) + 1;
      if (hasIn(read.subarray(0, end), needle, fields)) return true;
      rest = read.length - end > LONGEST_LINE ? Buffer.alloc(0) : read.subarray(end);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return false;
}

function hasIn(lines: Buffer, needle: Buffer, fields: Readonly<Record<string, string>>): boolean {
  for (let at = lines.indexOf(needle); at >= 0; at = lines.indexOf(needle, at + 1)) {
    const start = lines.lastIndexOf(NEWLINE, at) + 1;
    const json = readableJson(lines.toString('utf8', start, lines.indexOf(NEWLINE, at)));
    const line = new Map(Object.entries(json ?? {})); // a torn line is no line
    if (Object.entries(fields).every(([name, value]) => line.get(name) === value)) return true;
  }
  return false;
}

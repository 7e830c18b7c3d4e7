import { Readable } from 'node:stream';
import { Overloaded } from '../../../common/app-error.js';

/** A download may read all that is kept. */
const MOST_AT_ONCE = 4;
/** So that no tenant can keep the others, and operators, out. */
const MOST_OF_TENANT = 2;
/** A download whose reader takes nothing for so long is ended, milliseconds; a piece is some 64 kB. */
const STALLED_MS = 10_000;
const RETRY_AFTER_SECONDS = 5;

/** Streams of many records, a few at a time; each has its place until its stream is closed, whoever closes it. */
export class Downloads {
  /** By tenant. */
  private readonly underWay = new Map<string, number>();
  private total = 0;

  constructor(private readonly stalledMs = STALLED_MS) {}

  /**
   * @param tenant of who asks
   * @param open begins to read, once there is a place
   * @throws Overloaded while there is none, and what `open` throws
   */
  async begin(tenant: string, open: () => Promise<AsyncIterable<string>>): Promise<Readable> {
    this.enter(tenant);
    try {
      return this.streamOf(await open(), () => this.leave(tenant));
    } catch (error) {
      this.leave(tenant);
      throw error;
    }
  }

  private streamOf(pieces: AsyncIterable<string>, leave: () => void): Readable {
    const timer = new StallTimer(this.stalledMs, () => stream.destroy());
    const stream = Readable.from(timed(pieces, timer), { objectMode: false });
    stream.once('close', () => {
      timer.stop();
      leave();
    });
    timer.start(); // nobody may ever read
    return stream;
  }

  private enter(tenant: string): void {
    const own = this.underWay.get(tenant) ?? 0;
    if (this.total >= MOST_AT_ONCE || own >= MOST_OF_TENANT) {
      throw new Overloaded('Other downloads of records are running. Ask again in a moment.', RETRY_AFTER_SECONDS);
    }
    this.underWay.set(tenant, own + 1);
    this.total += 1;
  }

  private leave(tenant: string): void {
    const rest = (this.underWay.get(tenant) ?? 1) - 1;
    if (rest > 0) this.underWay.set(tenant, rest);
    else this.underWay.delete(tenant);
    this.total -= 1;
  }
}

/** Runs while the reader has to take something. */
class StallTimer {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly ms: number,
    private readonly onStalled: () => void,
  ) {}

  start(): void {
    this.timer = setTimeout(this.onStalled, this.ms).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

async function* timed(pieces: AsyncIterable<string>, timer: StallTimer): AsyncGenerator<string> {
  timer.stop();
  for await (const piece of pieces) {
    timer.start();
    yield piece;
    timer.stop();
  }
}

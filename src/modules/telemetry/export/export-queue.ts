import { BackgroundWork } from '../../../common/background-work.js';
import { inTime } from '../../../common/in-time.js';
import { CUT_SHORT, type Batch, type Delivery } from './destination.js';

/** Some 300 kB of spans. */
const BATCH_ITEMS = 256;
/** How long the first of a batch waits for others, milliseconds. */
const BATCH_MS = 1_000;
/** Batches on their way at a time: more than one, as an endpoint may be a tenth of a second away. */
const MOST_ON_THE_WAY = 4;
const BATCH_BYTES = 1_048_576;
/** What waits while an endpoint is slow or away: some 5 MB of spans. */
const MOST_WAITING = 4_096;
/** Lines with the content of conversations are longer. */
const MOST_WAITING_BYTES = 16_777_216;
const TOO_LATE: Delivery = { lost: 1, problem: CUT_SHORT };
/** `send` never rejects; if it does, its place must not be lost as well. */
const DEFECT = 'it could not be sent';
const OVERFLOW: Delivery = { lost: 1, problem: 'more comes than it takes' };

/**
 * Items on their way to one exporter. Who adds one waits for nothing; what does not fit is lost and counted. It is bounded
 * by what waits and by the batches on their way, each of which ends.
 */
export class ExportQueue<Item> {
  private readonly background: BackgroundWork;
  /** Takes what comes. */
  private open: Batch<Item> | null = null;
  /** Full ones that wait for a place, oldest first. */
  private readonly full: Batch<Item>[] = [];
  /** Items of these. */
  private waiting = 0;
  /** Of the full ones. */
  private waitingBytes = 0;
  /** Whether the first item of the open batch has waited long enough. */
  private isDue = false;
  private isTimed = false;
  /** Batches. */
  private onTheWay = 0;
  private itemsOnTheWay = 0;
  private hasEnded = false;
  private idle: PromiseWithResolvers<void> | null = null;

  /** @param begin makes an empty batch @param onSent is told what came of each batch, and of items that were never sent */
  constructor(
    private readonly what: string,
    private readonly begin: () => Batch<Item>,
    private readonly onSent: (delivery: Delivery) => void,
  ) {
    this.background = new BackgroundWork('telemetry');
  }

  add(item: Item): void {
    if (this.hasEnded) return this.onSent(TOO_LATE);
    if (this.waiting >= MOST_WAITING || this.waitingBytes >= MOST_WAITING_BYTES) return this.onSent(OVERFLOW);
    const open = (this.open ??= this.begin());
    open.add(item);
    this.waiting += 1;
    if (open.size < BATCH_ITEMS && open.bytes < BATCH_BYTES) return this.awaitOthers();
    this.full.push(open);
    this.waitingBytes += open.bytes;
    this.open = null;
    this.isDue = false;
    this.sendAll();
  }

  /** Resolves when all that waits, and what comes until then, has been sent. */
  flush(): Promise<void> {
    this.idle ??= Promise.withResolvers();
    const { promise } = this.idle;
    this.sendAll();
    if (this.onTheWay === 0) this.becameIdle();
    return promise;
  }

  /** All that waits goes out, within `ms` milliseconds; what is left then is lost. Nothing may be added any more. */
  async end(ms: number): Promise<void> {
    await inTime(this.flush(), ms, undefined);
    this.background.cancel();
    this.hasEnded = true;
    const lost = this.waiting + this.itemsOnTheWay;
    this.waiting = 0;
    this.full.length = 0;
    this.open = null;
    if (lost > 0) this.onSent({ lost, problem: CUT_SHORT });
  }

  private becameIdle(): void {
    this.idle?.resolve();
    this.idle = null;
  }

  private awaitOthers(): void {
    if (this.isTimed) return;
    this.isTimed = true;
    this.background.after(this.what, BATCH_MS, () => {
      this.isTimed = false;
      this.isDue = this.open !== null;
      this.sendAll();
    });
  }

  /** As many as there are places for. */
  private sendAll(): void {
    while (this.onTheWay < MOST_ON_THE_WAY) {
      const batch = this.oldestFull() ?? (this.isDue || this.idle ? this.taken() : null);
      if (!batch) return;
      this.waiting -= batch.size;
      this.onTheWay += 1;
      this.itemsOnTheWay += batch.size;
      this.background.launch(this.what, () => this.sendOne(batch));
    }
  }

  private oldestFull(): Batch<Item> | undefined {
    const batch = this.full.shift();
    if (batch) this.waitingBytes -= batch.bytes;
    return batch;
  }

  /** The open one, which gets no more; `null` where nothing is in it. */
  private taken(): Batch<Item> | null {
    const { open } = this;
    this.open = null;
    this.isDue = false;
    return open && open.size > 0 ? open : null;
  }

  private async sendOne(batch: Batch<Item>): Promise<void> {
    const delivery = await batch.send().catch(() => ({ lost: batch.size, problem: DEFECT }));
    if (this.hasEnded) return;
    this.onTheWay -= 1;
    this.itemsOnTheWay -= batch.size;
    this.onSent(delivery);
    this.sendAll();
    if (this.onTheWay === 0 && this.idle) this.becameIdle();
  }
}

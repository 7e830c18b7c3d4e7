import { BackgroundWork } from '../../../common/background-work.js';
import { inTime } from '../../../common/in-time.js';
import { CUT_SHORT, type Delivery } from './destination.js';

/** Writing a batch as JSON takes the event loop a millisecond. */
const BATCH_ITEMS = 256;
/** How long the first of a batch waits for others, milliseconds. */
const BATCH_MS = 1_000;
/** Batches on their way at a time: more than one, as an endpoint may be a tenth of a second away. */
const MOST_ON_THE_WAY = 4;
/** What waits while an endpoint is slow or away: some 5 MB of spans. */
const MOST_WAITING = 4_096;
const OVERFLOW: Delivery = { lost: 1, problem: 'more comes than it takes' };

/**
 * Items on their way to one exporter. Who adds one waits for nothing; what does not fit is lost and counted. It is bounded
 * by what waits and by the batches on their way, each of which ends.
 */
export class ExportQueue<Item> {
  private readonly background: BackgroundWork;
  private waiting: Item[] = [];
  /** Batches. */
  private onTheWay = 0;
  private itemsOnTheWay = 0;
  private hasEnded = false;
  private isAwaited = false;
  private idle: PromiseWithResolvers<void> | null = null;

  /** @param send ends, and rejects never @param onSent is told what came of each batch, and of items that were never sent */
  constructor(
    private readonly what: string,
    private readonly send: (batch: Item[]) => Promise<Delivery>,
    private readonly onSent: (delivery: Delivery) => void,
  ) {
    this.background = new BackgroundWork('telemetry');
  }

  add(item: Item): void {
    if (this.waiting.length >= MOST_WAITING) return this.onSent(OVERFLOW);
    const count = this.waiting.push(item);
    if (count >= BATCH_ITEMS) this.sendBatches(BATCH_ITEMS);
    else if (!this.isAwaited) this.awaitOthers();
  }

  /** Resolves when all that waits, and what comes until then, has been sent. */
  flush(): Promise<void> {
    this.idle ??= Promise.withResolvers();
    const { promise } = this.idle;
    this.sendBatches(1);
    if (this.onTheWay === 0) this.becameIdle();
    return promise;
  }

  /** All that waits goes out, within `ms` milliseconds; what is left then is lost. Nothing may be added any more. */
  async end(ms: number): Promise<void> {
    await inTime(this.flush(), ms, undefined);
    this.background.cancel();
    this.hasEnded = true;
    const lost = this.waiting.splice(0).length + this.itemsOnTheWay;
    if (lost > 0) this.onSent({ lost, problem: CUT_SHORT });
  }

  private becameIdle(): void {
    this.idle?.resolve();
    this.idle = null;
  }

  private awaitOthers(): void {
    this.isAwaited = true;
    this.background.after(this.what, BATCH_MS, () => {
      this.isAwaited = false;
      this.sendBatches(1);
    });
  }

  /** @param least items that a batch has */
  private sendBatches(least: number): void {
    while (this.onTheWay < MOST_ON_THE_WAY && this.waiting.length >= least && this.waiting.length > 0) {
      const batch = this.waiting.splice(0, BATCH_ITEMS);
      this.onTheWay += 1;
      this.itemsOnTheWay += batch.length;
      this.background.launch(this.what, () => this.sendOne(batch));
    }
  }

  private async sendOne(batch: Item[]): Promise<void> {
    const delivery = await this.send(batch);
    if (this.hasEnded) return;
    this.onTheWay -= 1;
    this.itemsOnTheWay -= batch.length;
    this.onSent(delivery);
    this.sendBatches(this.idle ? 1 : BATCH_ITEMS);
    if (this.onTheWay > 0) return;
    if (this.idle) this.becameIdle();
    else if (this.waiting.length > 0 && !this.isAwaited) this.awaitOthers();
  }
}

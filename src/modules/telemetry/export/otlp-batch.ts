import type { Batch, Delivery } from './destination.js';
import type { OtlpForm } from './otlp-json.js';

/** Of a character of a string, at most. */
const BYTES_PER_CHARACTER = 3;
/** Room of a batch at first. */
const FEW_BYTES = 16_384;
/** One that is filled and one that is on its way; what is beyond is for bursts. */
const MOST_FREE = 2;

/** Buffers of batches of one kind, used again and again: memory outside of the heap has V8 collect all of the heap. */
export class BatchBuffers {
  private readonly free: Buffer[] = [];

  take(): Buffer {
    return this.free.pop() ?? Buffer.allocUnsafeSlow(FEW_BYTES);
  }

  /** @param buffer nobody reads it any more */
  giveBack(buffer: Buffer): void {
    if (this.free.length < MOST_FREE) this.free.push(buffer);
  }
}

/** What came of it. */
export interface Handover {
  readonly delivery: Delivery;
  /** Whether all of its bytes are certainly out of this process: an answer may come before the whole request is sent. */
  readonly isRead: boolean;
}

/**
 * One request of OTLP, written while its items come: each is bytes as soon as it is added, so nothing of it survives a collection of
 * garbage, which is what holding spans costs most.
 */
export class OtlpBatch<Item> implements Batch<Item> {
  size = 0;
  private buffer: Buffer;
  private length = 0;
  private end = '';

  constructor(
    private readonly form: OtlpForm<Item>,
    private readonly buffers: BatchBuffers,
    private readonly deliver: (batch: OtlpBatch<Item>) => Promise<Handover>,
  ) {
    this.buffer = buffers.take();
  }

  get bytes(): number {
    return this.length;
  }

  /** @throws what writing the item throws; the batch is then as it was */
  add(item: Item): void {
    const text = this.form.item(item);
    if (this.size === 0) {
      const [begin, end] = this.form.around(item);
      this.write(begin);
      this.end = end;
      this.write(text);
    } else {
      this.write(`,${text}`);
    }
    this.size += 1;
  }

  async send(): Promise<Delivery> {
    this.write(this.end);
    const { delivery, isRead } = await this.deliver(this);
    if (isRead) this.buffers.giveBack(this.buffer);
    return delivery;
  }

  /** All of it, while it is sent. */
  get text(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  private write(text: string): void {
    const needed = this.length + text.length * BYTES_PER_CHARACTER;
    if (needed > this.buffer.length) this.grow(needed);
    this.length += this.buffer.write(text, this.length);
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}

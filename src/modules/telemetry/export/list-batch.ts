import type { Batch, Delivery } from './destination.js';

/** Of a span or a line with what it refers to. */
const ITEM_BYTES = 2_048;

/** Keeps its items as they are until they are sent. */
export class ListBatch<Item> implements Batch<Item> {
  private readonly items: Item[] = [];

  constructor(private readonly deliver: (items: Item[]) => Promise<Delivery>) {}

  get size(): number {
    return this.items.length;
  }

  get bytes(): number {
    return this.items.length * ITEM_BYTES;
  }

  add(item: Item): void {
    this.items.push(item);
  }

  send(): Promise<Delivery> {
    return this.deliver(this.items);
  }
}

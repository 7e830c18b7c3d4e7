import type { Batch, Delivery } from './destination.js';

/** Keeps its items as they are until they are sent. */
export class ListBatch<Item> implements Batch<Item> {
  private readonly items: Item[] = [];

  constructor(private readonly deliver: (items: Item[]) => Promise<Delivery>) {}

  get size(): number {
    return this.items.length;
  }

  add(item: Item): void {
    this.items.push(item);
  }

  send(): Promise<Delivery> {
    return this.deliver(this.items);
  }
}

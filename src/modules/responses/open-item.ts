import type { Fields } from '../../common/json/fields.js';
import type { ItemStatus } from './output-items.js';

/** Numbers the events of one stream and writes them, the name beside the data: some clients read the one, some the other. */
export class EventWriter {
  private next = 0;

  /** @param members of the event's object, as JSON text without braces */
  event(type: string, members: string): string {
    const number = this.next;
    this.next += 1;
    return `event: ${type}\ndata: {"type":"${type}","sequence_number":${number},${members}}\n\n`;
  }
}

/** An item of the output while it comes; one at a time is open. Its methods give the text of the events that they make. */
export abstract class OpenItem {
  /** Members that every event inside the item has. */
  protected readonly place: string;
  /** JSON text of the item as its last event had it. */
  written = '';

  constructor(
    protected readonly events: EventWriter,
    protected readonly index: number,
    readonly id: string,
  ) {
    this.place = `"item_id":${JSON.stringify(id)},"output_index":${index}`;
  }

  /** The item as it is now. */
  abstract item(status: ItemStatus): Fields;

  /** The events that end what is open inside it. */
  protected abstract endInside(): string;

  open(): string {
    return this.itemEvent('response.output_item.added', this.item('in_progress'));
  }

  close(status: ItemStatus): string {
    return this.endInside() + this.itemEvent('response.output_item.done', this.item(status));
  }

  private itemEvent(type: string, item: Fields): string {
    this.written = JSON.stringify(item);
    return this.events.event(type, `"output_index":${this.index},"item":${this.written}`);
  }
}

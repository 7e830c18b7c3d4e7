import type { ReasoningDetail } from '../../common/reasoning.js';
import { sealedDetail } from './thinking-blocks.js';

/** One event as it goes out. SDKs skip a frame without the line `event:`. */
export const eventText = (type: string, fields: string): string =>
  `event: ${type}\ndata: {"type":"${type}"${fields === '' ? '' : `,${fields}`}}\n\n`;

/** A block of a streamed message: what was said and has not gone out is held here until its turn comes. */
export abstract class StreamBlock {
  held = '';

  /** Whether another one may be opened: this has all that it will have, as far as can be known. */
  abstract isWhole(): boolean;
  /** Whether it can be opened. */
  isReady(): boolean {
    return true;
  }
  /** The block of its first event; `null` where it is known at its end alone. */
  abstract head(): object | null;
  /** The type of its deltas and the name of their text. */
  abstract readonly delta: readonly [type: string, field: string];
  /** Events before its last one. */
  tail(_index: number): string {
    return '';
  }
}

export class TextBlock extends StreamBlock {
  readonly delta = ['text_delta', 'text'] as const;

  isWhole(): boolean {
    return true;
  }

  head(): object {
    return { type: 'text', text: '' };
  }
}

/** Its signature goes out last; each has one, which says whose thinking it is. */
export class ThinkingBlock extends StreamBlock {
  readonly delta = ['thinking_delta', 'thinking'] as const;

  constructor(
    private readonly model: string,
    private detail: Partial<ReasoningDetail>,
  ) {
    super();
  }

  isWhole(): boolean {
    return true;
  }

  head(): object {
    return { type: 'thinking', thinking: '', signature: '' };
  }

  /** Whether a piece belongs to this block; what comes after a signature does not. */
  takes({ type, index, text, summary }: Partial<ReasoningDetail>): boolean {
    const { detail } = this;
    if (detail.signature !== undefined && (text || summary)) return false;
    return agree(detail.type, type) && agree(detail.index, index);
  }

  /** Notes what goes into the signature. */
  note({ text: _, summary: __, ...signed }: Partial<ReasoningDetail>): void {
    this.detail = { ...this.detail, ...signed };
  }

  override tail(index: number): string {
    const signature = JSON.stringify(sealedDetail(this.model, this.detail));
    const delta = `"index":${index},"delta":{"type":"signature_delta","signature":${signature}}`;
    return eventText('content_block_delta', delta);
  }
}

/** Thinking that its vendor shows to nobody; its data may come in pieces, and its first event has all of them. */
export class RedactedBlock extends StreamBlock {
  readonly delta = ['', ''] as const;
  private data = '';

  constructor(
    private readonly model: string,
    private readonly detail: ReasoningDetail,
  ) {
    super();
    this.add(detail);
  }

  takes({ type, index }: ReasoningDetail): boolean {
    return type === this.detail.type && index !== undefined && index === this.detail.index;
  }

  add({ data }: ReasoningDetail): void {
    if (typeof data === 'string') this.data += data;
  }

  isWhole(): boolean {
    return true;
  }

  head(): null {
    return null;
  }

  override tail(index: number): string {
    const data = sealedDetail(this.model, { ...this.detail, data: this.data });
    const block = JSON.stringify({ type: 'redacted_thinking', data });
    return eventText('content_block_start', `"index":${index},"content_block":${block}`);
  }
}

export class ToolBlock extends StreamBlock {
  readonly delta = ['input_json_delta', 'partial_json'] as const;
  name = '';
  private input = '';
  /** How long the input was when it was looked at. */
  private seen = 0;

  constructor(private readonly id: string) {
    super();
  }

  /** Notes a piece of the arguments. */
  grow(piece: string): void {
    this.input += piece;
  }

  /** The input is one whole object. Parsed only where it can be, and each length once: it is long. */
  isWhole(): boolean {
    const { input } = this;
    if (input.length === this.seen || !input.trimEnd().endsWith('}')) return false;
    this.seen = input.length;
    try {
      return typeof JSON.parse(input) === 'object';
    } catch {
      return false;
    }
  }

  override isReady(): boolean {
    return this.name !== '';
  }

  head(): object {
    return { type: 'tool_use', id: this.id, name: this.name, input: {} };
  }
}

const agree = (one: unknown, other: unknown): boolean => one === undefined || other === undefined || one === other;

/**
 * The blocks of a streamed message, one open at a time, in order. A block that begins while the input of a tool is still
 * coming waits for its turn: parallel calls whose pieces come interleaved go out one after the other.
 */
export class BlockSequence {
  private open: StreamBlock | null = null;
  private readonly waiting: StreamBlock[] = [];
  private index = 0;
  /** Of the open block's deltas, up to their text. */
  private before = '';

  /** The one that began last, open or waiting. */
  get last(): StreamBlock | null {
    return this.waiting.at(-1) ?? this.open;
  }

  /** The next piece of a block that has begun. */
  add(block: StreamBlock, piece: string): string {
    if (piece === '') return '';
    if (block === this.open) return this.deltaOf(piece);
    block.held += piece;
    return '';
  }

  /** Begins a block with what it holds already. */
  begin(block: StreamBlock): string {
    this.waiting.push(block);
    return this.proceed(false);
  }

  /** Opens those whose turn has come. */
  proceed(isOver: boolean): string {
    let text = '';
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      const mayOpen = isOver || (next.isReady() && (this.open === null || this.open.isWhole()));
      if (!mayOpen) break;
      this.waiting.shift();
      text += this.closed() + this.opened(next);
    }
    return text;
  }

  /** The rest of all blocks. */
  end(): string {
    return this.proceed(true) + this.closed();
  }

  private opened(block: StreamBlock): string {
    this.open = block;
    const [type, field] = block.delta;
    this.before = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.index},"delta":{"type":"${type}","${field}":`;
    const head = block.head();
    const start =
      head && eventText('content_block_start', `"index":${this.index},"content_block":${JSON.stringify(head)}`);
    return (start ?? '') + (block.held === '' ? '' : this.deltaOf(block.held));
  }

  private deltaOf(piece: string): string {
    return `${this.before}${JSON.stringify(piece)}}}\n\n`;
  }

  private closed(): string {
    if (!this.open) return '';
    const text = this.open.tail(this.index) + eventText('content_block_stop', `"index":${this.index}`);
    this.open = null;
    this.index += 1;
    return text;
  }
}

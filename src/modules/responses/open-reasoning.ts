import type { Fields } from '../../common/json/fields.js';
import type { ReasoningDetail } from '../../common/reasoning.js';
import { OpenItem, type EventWriter } from './open-item.js';
import { reasoningItem, sealedReasoning, type ItemStatus } from './output-items.js';

/**
 * Reasoning while it comes, as a summary of one part: clients show that form, and some ignore the other
 * (`reasoning_text`).
 */
export class OpenReasoning extends OpenItem {
  private text = '';
  private hasPart = false;
  private readonly details: ReasoningDetail[] = [];
  /** Of every event of its part. */
  private readonly partPlace: string;

  /** @param sealsFor the model that makes it, where reasoning is to come sealed; `null` = it is not */
  constructor(
    events: EventWriter,
    index: number,
    id: string,
    private readonly sealsFor: string | null,
  ) {
    super(events, index, id);
    this.partPlace = `${this.place},"summary_index":0`;
  }

  /** @param details pieces of what the vendor says beside the text: signatures, sealed thoughts */
  add(piece: string, details: readonly ReasoningDetail[]): string {
    for (const detail of details) this.addDetail(detail);
    if (piece === '') return '';
    const delta = JSON.stringify(piece);
    let events = '';
    if (!this.hasPart) events = this.partEvent('response.reasoning_summary_part.added', this.part());
    this.hasPart = true;
    this.text += piece;
    return events + this.events.event('response.reasoning_summary_text.delta', `${this.partPlace},"delta":${delta}`);
  }

  override item(status: ItemStatus): Fields {
    const isDone = status !== 'in_progress';
    const { sealsFor } = this;
    const sealed = sealsFor !== null && isDone ? sealedReasoning(sealsFor, this.text, this.details) : null;
    return reasoningItem(this.id, isDone ? this.text : '', sealed, status);
  }

  protected override endInside(): string {
    if (!this.hasPart) return '';
    const text = JSON.stringify(this.text);
    return (
      this.events.event('response.reasoning_summary_text.done', `${this.partPlace},"text":${text}`) +
      this.partEvent('response.reasoning_summary_part.done', this.part())
    );
  }

  private part(): string {
    return JSON.stringify({ type: 'summary_text', text: this.text });
  }

  private partEvent(type: string, part: string): string {
    return this.events.event(type, `${this.partPlace},"part":${part}`);
  }

  /** Pieces of one detail have its index, or follow each other. */
  private addDetail(piece: ReasoningDetail): void {
    if (this.sealsFor === null) return;
    const last = this.details.at(-1);
    if (!last || last.type !== piece.type || last.index !== piece.index) {
      this.details.push({ ...piece });
      return;
    }
    for (const field of ['text', 'summary', 'data'] as const) {
      if (piece[field] !== undefined) last[field] = (last[field] ?? '') + piece[field];
    }
    if (piece.signature) last.signature = piece.signature;
  }
}

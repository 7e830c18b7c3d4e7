import type { Fields } from '../../common/json/fields.js';
import { OpenItem } from './open-item.js';
import {
  messageItem,
  refusalPart,
  textPart,
  type ItemStatus,
  type RefusalPart,
  type TextPart,
} from './output-items.js';

/** Of nearly every piece. */
const NO_LOGPROBS = ',"logprobs":[]';

type Kind = 'output_text' | 'refusal';

/** A message while it comes: a text, a refusal, or one behind the other. */
export class OpenMessage extends OpenItem {
  private readonly parts: (TextPart | RefusalPart)[] = [];
  /** Of the part that is open. */
  private kind: Kind | null = null;
  private said = '';
  private logprobs: unknown[] = [];
  /** Of every event of the part. */
  private partPlace = '';

  /** @param logprobs of this piece of text */
  add(kind: Kind, piece: string, logprobs: readonly unknown[] = []): string {
    let events = '';
    if (this.kind !== kind) events = this.endInside() + this.beginPart(kind);
    this.said += piece;
    if (kind === 'refusal') return events + this.delta('response.refusal.delta', piece, '');
    if (logprobs.length > 0) this.logprobs.push(...logprobs);
    return (
      events +
      this.delta(
        'response.output_text.delta',
        piece,
        logprobs.length > 0 ? `,"logprobs":${JSON.stringify(logprobs)}` : NO_LOGPROBS,
      )
    );
  }

  override item(status: ItemStatus): Fields {
    const { kind } = this;
    return messageItem(this.id, kind === null ? this.parts : [...this.parts, this.part(kind)], status);
  }

  protected override endInside(): string {
    const { kind, said, partPlace } = this;
    if (kind === null) return '';
    const part = this.part(kind);
    const text = JSON.stringify(said);
    const done =
      kind === 'refusal'
        ? this.events.event('response.refusal.done', `${partPlace},"refusal":${text}`)
        : this.events.event(
            'response.output_text.done',
            `${partPlace},"text":${text},"logprobs":${JSON.stringify(this.logprobs)}`,
          );
    this.kind = null;
    this.parts.push(part);
    return done + this.events.event('response.content_part.done', `${partPlace},"part":${JSON.stringify(part)}`);
  }

  private beginPart(kind: Kind): string {
    this.kind = kind;
    this.said = '';
    this.logprobs = [];
    this.partPlace = `${this.place},"content_index":${this.parts.length}`;
    const part = JSON.stringify(this.part(kind));
    return this.events.event('response.content_part.added', `${this.partPlace},"part":${part}`);
  }

  private part(kind: Kind): TextPart | RefusalPart {
    return kind === 'refusal' ? refusalPart(this.said) : textPart(this.said, this.logprobs);
  }

  private delta(type: string, piece: string, more: string): string {
    return this.events.event(type, `${this.partPlace},"delta":${JSON.stringify(piece)}${more}`);
  }
}

import { isFields, type Fields } from '../../common/json/fields.js';
import { readableJson } from '../../common/json/readable.js';
import { joinedToolCalls, openCall } from '../../common/tool-call-pieces.js';
import { callArguments, callName } from './output-items.js';

/** A piece of a text or of reasoning, which a message or an item of reasoning is made of. */
export interface Words {
  readonly kind: 'output_text' | 'refusal' | 'thought';
  readonly piece: string;
  /** Log-probabilities of a text, details of reasoning. */
  readonly beside: readonly unknown[];
}

/** What a piece of an answer means for who shows one item after the other. */
export interface CallSink {
  /** The call that is shown from now on; the item before is complete. @param at of the answer's calls, 0 = the first */
  begin(call: Fields, at: number): void;
  /** The next piece of its arguments. */
  piece(args: string): void;
  /** Words whose turn has come. */
  say(words: Words): void;
}

/** Words that wait, and how many calls had begun before them. */
interface Waiting {
  readonly calls: number;
  readonly words: Words;
}

/**
 * Brings calls and what is said between their pieces into an order in which one item is shown after the other. Pieces of
 * the call that is shown go on at once; what begins later, calls and words, waits until its arguments are whole JSON, or
 * nothing more comes: servers that mix pieces are few, and clients that have one open item at a time are many. A call
 * that has no name yet waits for it.
 */
export class CallsInOrder {
  private calls: Fields[] = [];
  /** Of the call that is shown, or was last. */
  private shown = -1;
  /** Whether words are shown since. */
  private isLeft = true;
  /** Whether all that is known of it was told by pieces; an object as arguments is told once it is whole. */
  private told = '';
  /** Length of its arguments when they were last found to be no whole JSON: long ones are not parsed for each piece. */
  private broken = -1;
  private waiting: Waiting[] = [];

  constructor(private readonly sink: CallSink) {}

  /** @param pieces `tool_calls` of a delta */
  add(pieces: readonly unknown[]): void {
    for (const piece of pieces) if (isFields(piece)) this.addPiece(piece);
  }

  /** Something else is said; it is told to the sink at once where no call is in its way. */
  say(words: Words): void {
    const calls = this.calls.length;
    if (this.waiting.length === 0 && this.shown === calls - 1 && this.leaves()) this.sink.say(words);
    else {
      this.waiting.push({ calls, words });
      this.goOn();
    }
  }

  /** No more comes. */
  end(): void {
    while (this.shown < this.calls.length - 1) {
      this.leave();
      this.showNext();
    }
    this.leave();
  }

  private addPiece(piece: Fields): void {
    const known = openCall(this.calls, piece);
    const at = known ? this.calls.lastIndexOf(known) : this.calls.length;
    this.calls = joinedToolCalls(this.calls, [piece]);
    if (at === this.shown && !this.isLeft) this.tell(callArguments(piece));
    this.goOn();
  }

  /** Shows what can be shown. */
  private goOn(): void {
    while ((this.waiting.length > 0 || this.shown < this.calls.length - 1) && this.leaves()) {
      this.sayWaiting();
      const next = this.calls[this.shown + 1];
      if (next === undefined || callName(next) === '') return;
      this.showNext();
    }
  }

  /** Whether the call that is shown has all that it will have, as far as can be known. It is not gone on with then. */
  private leaves(): boolean {
    if (this.isLeft) return true;
    const args = callArguments(this.calls[this.shown]!);
    if (args.length === this.broken) return false;
    if (!isWhole(args)) {
      this.broken = args.length;
      return false;
    }
    this.leave();
    return true;
  }

  /** The rest of the call that is shown, and what was said behind it. */
  private leave(): void {
    if (!this.isLeft) this.tellRest();
    this.isLeft = true;
    this.sayWaiting();
  }

  /** What was said before the next call began. */
  private sayWaiting(): void {
    const { waiting } = this;
    let said = 0;
    while (said < waiting.length && waiting[said]!.calls <= this.shown + 1) {
      this.sink.say(waiting[said]!.words);
      said += 1;
    }
    if (said > 0) this.waiting = waiting.slice(said);
  }

  private showNext(): void {
    this.shown += 1;
    this.isLeft = false;
    this.told = '';
    this.broken = -1;
    const call = this.calls[this.shown]!;
    this.sink.begin(call, this.shown);
    this.tell(callArguments(call));
  }

  private tell(args: string): void {
    if (args === '') return;
    this.told += args;
    this.sink.piece(args);
  }

  private tellRest(): void {
    const args = callArguments(this.calls[this.shown]!);
    if (args.length > this.told.length && args.startsWith(this.told)) this.tell(args.slice(this.told.length));
  }
}

/** Looked at its end first, so that long arguments are not parsed for each piece that waits. */
const isWhole = (args: string): boolean => /[}\]]\s*$/.test(args.slice(-16)) && typeof readableJson(args) === 'object';

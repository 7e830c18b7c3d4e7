import { isFields, type Fields } from '../../common/json/fields.js';
import { readableJson } from '../../common/json/readable.js';
import { joinedToolCalls, openCall } from '../../common/tool-call-pieces.js';
import { callArguments } from './output-items.js';

/** What a piece of a tool call means for who shows one call after the other. */
export interface CallSink {
  /** The call that is shown from now on; the one before is complete. @param at of the answer's calls, 0 = the first */
  begin(call: Fields, at: number): void;
  /** The next piece of its arguments. */
  piece(args: string): void;
}

/**
 * Brings the pieces of several calls into an order in which one call is shown after the other. Pieces of the call that is
 * shown go on at once; those of later ones wait until its arguments are whole JSON, or nothing more comes: servers that
 * mix the pieces of two calls are few, and clients that have one open item at a time are many.
 */
export class CallsInOrder {
  private calls: Fields[] = [];
  /** Of the call that is shown. */
  private shown = -1;
  /** Whether all that is known of it was told by pieces; an object as arguments is told once it is whole. */
  private told = '';

  constructor(private readonly sink: CallSink) {}

  /** @param pieces `tool_calls` of a delta */
  add(pieces: readonly unknown[]): void {
    for (const piece of pieces) if (isFields(piece)) this.addPiece(piece);
  }

  /** No more comes. */
  end(): void {
    while (this.shown < this.calls.length - 1) this.showNext();
    this.tellRest();
  }

  private addPiece(piece: Fields): void {
    const known = openCall(this.calls, piece);
    const at = known ? this.calls.lastIndexOf(known) : this.calls.length;
    const args = callArguments(piece);
    this.calls = joinedToolCalls(this.calls, [piece]);
    if (this.shown < 0) this.showNext();
    else if (at === this.shown) this.tell(args);
    if (this.shown < this.calls.length - 1) this.showWhole();
  }

  /** Goes on to the calls that can be shown. */
  private showWhole(): void {
    while (this.shown < this.calls.length - 1 && isWhole(callArguments(this.calls[this.shown]!))) this.showNext();
  }

  private showNext(): void {
    if (this.shown >= 0) this.tellRest();
    this.shown += 1;
    this.told = '';
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
    const call = this.calls[this.shown];
    if (!call) return;
    const args = callArguments(call);
    if (args.length > this.told.length && args.startsWith(this.told)) this.tell(args.slice(this.told.length));
  }
}

/** Looked at its end first, so that long arguments are not parsed for each piece that waits. */
const isWhole = (args: string): boolean => /[}\]]\s*$/.test(args.slice(-16)) && typeof readableJson(args) === 'object';

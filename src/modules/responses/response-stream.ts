import type { AppError } from '../../common/app-error.js';
import type { ChatChunk, Choice, Completion, Delta } from '../../common/chat.js';
import { KEEP_ALIVE_COMMENT, type StreamForm } from '../../common/http/sse-writer.js';
import type { Fields } from '../../common/json/fields.js';
import { reasoningOf, type ReasoningDetail } from '../../common/reasoning.js';
import { TextRun } from '../../common/text-run.js';
import type { Usage } from '../../common/usage.js';
import { CallsInOrder, type CallSink, type Words } from './calls-in-order.js';
import { OpenCall } from './open-call.js';
import { EventWriter, type OpenItem } from './open-item.js';
import { OpenMessage } from './open-message.js';
import { OpenReasoning } from './open-reasoning.js';
import {
  knownCall,
  legacyCall,
  logprobsIn,
  refusalIn,
  saidIn,
  thoughtIn,
  type ItemStatus,
  type OutputForm,
} from './output-items.js';
import { endOf, type FinishReason } from './response-end.js';
import { itemIdOf, type ItemKind } from './response-id.js';
import { BEGUN, type ResponseState, type ResponseWriter } from './response-object.js';

/** What the stream reads of the answer that it shows. */
export interface AnswerFacts {
  readonly route: { readonly model: string; readonly simulated: boolean };
  /** `null` before the end. */
  readonly result: { readonly usage: Usage | null } | null;
}

/** The first call of each kind has an id without a number. */
type Counts = Partial<Record<ItemKind, number>>;

/**
 * A chat stream as the events of a response, in the order that its clients demand: an item is opened before it says
 * something, one is open at a time, and the last event has all of it again.
 *
 * @see https://platform.openai.com/docs/api-reference/responses-streaming
 */
export class ResponseStream implements StreamForm, CallSink {
  readonly keepAlive = KEEP_ALIVE_COMMENT;
  private readonly events = new EventWriter();
  private readonly calls = new CallsInOrder(this);
  private readonly counts: Counts = {};
  private readonly callIds = new Set<string>();
  /** JSON text of the items that are closed. */
  private readonly output: string[] = [];
  private open: OpenItem | null = null;
  private hasBegun = false;
  private finish: FinishReason = null;
  /** Of the chunk that is being read. */
  private text = '';

  /** @param now seconds since 1970 */
  constructor(
    private readonly answer: AnswerFacts,
    private readonly response: ResponseWriter,
    private readonly form: OutputForm,
    private readonly now: () => number,
  ) {}

  chunk({ frames }: ChatChunk): string {
    this.beginResponse();
    for (const frame of frames) {
      if (frame instanceof TextRun) this.addRun(frame);
      else this.addFrame(frame.json);
    }
    return this.written();
  }

  end(): string {
    this.beginResponse();
    this.calls.end();
    const { status, reason } = endOf(this.finish);
    if (this.open === null && this.output.length === 0) this.showText('output_text', '', []);
    this.close(status === 'completed' ? 'completed' : 'incomplete');
    const usage = this.answer.result?.usage ?? null;
    this.tell(status, { status, reason, usage, completedAt: status === 'completed' ? this.now() : null });
    return this.written();
  }

  error(error: AppError): string {
    this.beginResponse();
    const { code, message, param } = error.toBody().error;
    const nested = { type: 'error', code, message, param };
    const told = JSON.stringify({ code, message, param, error: nested }).slice(1, -1);
    this.text += this.events.event('error', told);
    if (this.open) this.output.push(JSON.stringify(this.open.item('incomplete')));
    this.tell('failed', { status: 'failed', error: { code, message } });
    return this.written();
  }

  /** For the calls in order: this one is shown from now on. */
  begin(call: Fields, at: number): void {
    this.openItem(new OpenCall(this.events, this.index, knownCall(call, at, this.form, this.callIds)));
  }

  /** For the calls in order. */
  piece(args: string): void {
    if (this.open instanceof OpenCall) this.text += this.open.add(args);
  }

  /** For the calls in order: no call is in the way of these. */
  say({ kind, piece, beside }: Words): void {
    if (kind === 'thought') this.showThought(piece, beside as readonly ReasoningDetail[]);
    else this.showText(kind, piece, beside);
  }

  private addRun({ index, field, piece }: TextRun): void {
    if (index !== 0) return;
    this.calls.say({ kind: field === 'content' ? 'output_text' : 'thought', piece, beside: [] });
  }

  private addFrame({ choices }: Completion): void {
    for (const choice of choices ?? []) if ((choice.index ?? 0) === 0) this.addChoice(choice);
  }

  private addChoice(choice: Choice): void {
    const delta = choice.delta ?? choice.message;
    if (delta) {
      this.addWords(delta, choice.logprobs);
      if (Array.isArray(delta.tool_calls)) this.calls.add(delta.tool_calls);
      else this.calls.add(legacyCall(delta));
    }
    if (choice.finish_reason) this.finish = choice.finish_reason;
  }

  private addWords(delta: Delta, logprobs: unknown): void {
    const { calls } = this;
    const reasoning = reasoningOf(delta);
    const { details } = reasoning;
    const thought = thoughtIn(delta, reasoning);
    if (thought !== '' || details.length > 0) calls.say({ kind: 'thought', piece: thought, beside: details });
    const said = saidIn(delta);
    if (said !== '') {
      calls.say({ kind: 'output_text', piece: said, beside: this.form.withLogprobs ? logprobsIn(logprobs) : [] });
    }
    const refusal = refusalIn(delta);
    if (refusal !== '') calls.say({ kind: 'refusal', piece: refusal, beside: [] });
  }

  private showThought(piece: string, details: readonly ReasoningDetail[]): void {
    if (!(this.open instanceof OpenReasoning)) {
      if (piece === '' && this.counts.rs && !this.form.encrypts) return; // a signature that came late
      const sealsFor = this.form.encrypts ? this.answer.route.model : null;
      this.openItem(new OpenReasoning(this.events, this.index, this.nextId('rs'), sealsFor));
    }
    this.text += (this.open as OpenReasoning).add(piece, details);
  }

  private showText(kind: 'output_text' | 'refusal', piece: string, logprobs: readonly unknown[]): void {
    if (!(this.open instanceof OpenMessage)) {
      this.openItem(new OpenMessage(this.events, this.index, this.nextId('msg')));
    }
    this.text += (this.open as OpenMessage).add(kind, piece, logprobs);
  }

  private openItem(item: OpenItem): void {
    this.close('completed');
    this.open = item;
    this.text += item.open();
  }

  private close(status: ItemStatus): void {
    if (!this.open) return;
    this.text += this.open.close(status);
    this.output.push(this.open.written);
    this.open = null;
  }

  /** Of the item that is opened next; the open one is closed before. */
  private get index(): number {
    return this.output.length + (this.open ? 1 : 0);
  }

  private nextId(kind: ItemKind): string {
    const at = this.counts[kind] ?? 0;
    this.counts[kind] = at + 1;
    return itemIdOf(kind, at, this.form.code);
  }

  private beginResponse(): void {
    if (this.hasBegun) return;
    this.hasBegun = true;
    this.tell('created', {});
    this.tell('in_progress', {});
  }

  private tell(name: string, state: Partial<ResponseState>): void {
    const { model, simulated } = this.answer.route;
    const object = this.response.write({ ...BEGUN, model, simulated, output: this.output, ...state });
    this.text += this.events.event(`response.${name}`, `"response":${object}`);
  }

  private written(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

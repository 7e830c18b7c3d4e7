import type { ChatFrame, Choice, Completion, Delta } from '../../../common/chat.js';
import { isFields, type Fields } from '../../../common/json/fields.js';
import { readableJson } from '../../../common/json/readable.js';
import { chatUsage, finishOf, reasoningDetail } from './anthropic-answer.js';
import { DeltaTemplate } from './anthropic-run.js';
import { StreamFrames } from './stream-frames.js';
import { failureIn, failureOfBody } from './upstream-errors.js';

/** A tool call that is being told. */
interface OpenCall {
  /** Among the calls of the answer, from 0. */
  readonly index: number;
  /** What its block began with: all of it, where a server streams no input. */
  readonly input: Fields;
  hasArguments: boolean;
}

const fieldsIn = (value: unknown): Fields => (isFields(value) ? value : {});
const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Follows one stream of Anthropic's Messages and makes chat frames of its events.
 *
 * Events that nobody here knows are signs of life, as pings are: Anthropic adds some over time. An answer is complete with
 * `message_stop`, or with the usage that comes with its stop reason.
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/streaming
 */
export class MessagesFrames extends StreamFrames {
  private readonly calls = new Map<unknown, OpenCall>();
  private top: Completion;
  private usage: Fields = {};

  /**
   * @param created seconds since 1970
   * @param space white space that stood at the end of the answer so far and was not sent: what comes begins after it
   */
  constructor(
    created: number,
    private space = '',
  ) {
    super(1);
    this.top = { object: 'chat.completion.chunk', created };
  }

  protected override readEvent(text: string, read: ChatFrame[]): void {
    const event = readableJson(text);
    const type = isFields(event) ? event['type'] : undefined;
    if (type === 'error') this.failure = failureOfBody(event);
    else if (!isFields(event) || typeof type !== 'string') {
      this.failure = failureIn(event);
      if (!this.failure) this.skipped += 1;
    } else {
      this.signsOfLife += 1;
      this.follow(type, event, text, read);
    }
  }

  private follow(type: string, event: Fields, text: string, read: ChatFrame[]): void {
    if (type === 'content_block_delta') this.delta(event, text, read);
    else if (type === 'content_block_start') this.blockStart(event, read);
    else if (type === 'content_block_stop') this.blockStop(event, read);
    else if (type === 'message_start') this.start(fieldsIn(event['message']), read);
    else if (type === 'message_delta') this.messageDelta(event, read);
    else if (type === 'message_stop') this.done = true;
  }

  private start({ id, model, usage }: Fields, read: ChatFrame[]): void {
    const { object, created } = this.top;
    this.top = {
      ...(typeof id === 'string' ? { id } : {}),
      ...{ object: object!, created: created! },
      ...(typeof model === 'string' ? { model } : {}),
    };
    this.usage = fieldsIn(usage);
    this.say({ role: 'assistant', content: '' }, read);
  }

  private blockStart({ index, content_block: block }: Fields, read: ChatFrame[]): void {
    const { type, text, thinking, data, id, name, input } = fieldsIn(block);
    if (type === 'text' && textIn(text) !== '') this.sayText(textIn(text), read);
    else if (type === 'thinking' && textIn(thinking) !== '')
      this.think({ text: thinking }, textIn(thinking), index, read);
    else if (type === 'redacted_thinking') {
      this.say({ reasoning_details: [this.detail({ type: 'reasoning.encrypted', data }, index)] }, read);
    } else if (type === 'tool_use') {
      const call: OpenCall = { index: this.calls.size, input: fieldsIn(input), hasArguments: false };
      this.calls.set(index, call);
      const named = { name: textIn(name), arguments: '' };
      this.say({ tool_calls: [{ index: call.index, id: textIn(id), type: 'function', function: named }] }, read);
    }
  }

  private delta(event: Fields, text: string, read: ChatFrame[]): void {
    const { index, delta } = event;
    const { type, text: piece, partial_json: json, thinking, signature } = fieldsIn(delta);
    if (type === 'text_delta') {
      const frame = this.sayText(textIn(piece), read);
      if (frame && this.space === '' && this.seeksRuns) this.expect(DeltaTemplate.of(text, frame.text, frame.json));
    } else if (type === 'input_json_delta') this.argue(textIn(json), this.calls.get(index), read);
    else if (type === 'thinking_delta') this.think({ text: thinking }, textIn(thinking), index, read);
    else if (type === 'signature_delta') this.think({ signature }, '', index, read);
  }

  /** The arguments of a call whose beginning was lost belong to nothing. */
  private argue(piece: string, call: OpenCall | undefined, read: ChatFrame[]): void {
    if (!call) this.skipped += 1;
    else if (piece !== '') {
      call.hasArguments = true;
      this.say({ tool_calls: [{ index: call.index, function: { arguments: piece } }] }, read);
    }
  }

  /** A call without arguments has the arguments `{}`. */
  private blockStop({ index }: Fields, read: ChatFrame[]): void {
    const call = this.calls.get(index);
    if (call && !call.hasArguments) this.argue(JSON.stringify(call.input), call, read);
  }

  private messageDelta({ delta, usage }: Fields, read: ChatFrame[]): void {
    const told = Object.entries(fieldsIn(usage)).filter(([, count]) => count !== null);
    this.usage = { ...this.usage, ...Object.fromEntries(told) }; // running totals
    const finish = finishOf(fieldsIn(delta));
    if (finish.finish_reason === null) return;
    this.say({}, read, finish);
    if (told.length > 0) this.hand({ ...this.top, choices: [], usage: chatUsage(this.usage) }, read);
  }

  private think(what: Fields, text: string, index: unknown, read: ChatFrame[]): void {
    const detail = this.detail({ type: 'reasoning.text', ...what }, index);
    this.say({ ...(text === '' ? {} : { reasoning_content: text }), reasoning_details: [detail] }, read);
  }

  private detail(what: Fields, index: unknown): Fields {
    return reasoningDetail(what, typeof index === 'number' ? index : 0, this.top.model);
  }

  private sayText(piece: string, read: ChatFrame[]): ChatFrame | null {
    const text = this.space === '' ? piece : this.afterSpace(piece);
    return text === '' ? null : this.say({ content: text }, read);
  }

  /** The caller has the white space already: of what comes, the same is left out. */
  private afterSpace(piece: string): string {
    let at = 0;
    while (at < piece.length && at < this.space.length && piece[at] === this.space[at]) at += 1;
    this.space = at === piece.length ? this.space.slice(at) : '';
    return piece.slice(at);
  }

  private say(delta: Delta, read: ChatFrame[], more: Partial<Choice> = { finish_reason: null }): ChatFrame {
    return this.hand({ ...this.top, choices: [{ index: 0, delta, ...more }] }, read);
  }

  private hand(json: Completion, read: ChatFrame[]): ChatFrame {
    const frame = { text: JSON.stringify(json), json };
    this.note(json, frame.text.length);
    read.push(frame);
    return frame;
  }
}

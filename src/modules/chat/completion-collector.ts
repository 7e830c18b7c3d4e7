import type { ChatFrame, Choice, Completion, Delta } from '../../common/chat.js';
import { isFields, ownField, setOwnField, type Fields } from '../../common/json/fields.js';
import { holdsWideNumber } from '../../common/json/numbers.js';
import { exactCompletion } from '../../common/answer-shape.js';
import { TextRun } from '../../common/text-run.js';
import { addField, GROWING, joinedList } from '../../common/delta-pieces.js';
import { joinedToolCalls } from '../../common/tool-call-pieces.js';

/** Strings of a delta that servers may repeat in every one of them. */
const REPEATED = new Set(['role', 'id', 'type', 'name', 'object', 'format', 'status', 'signature', 'channel']);

/** Fields of a choice that are no fields of the collected one. */
const APART: ReadonlySet<string> = new Set(['index', 'delta', 'message']);

/**
 * Puts the chunks of a streamed answer together to the `chat.completion` a plain request would have brought, fields
 * that nobody here knows included. Keeps only the result, not the chunks.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class CompletionCollector {
  private readonly top: Completion = {};
  private readonly choices = new Map<number, { message: Fields; fields: Fields }>();

  add(frame: ChatFrame): void {
    if (frame instanceof TextRun) return this.addRun(frame);
    const chunk = sayWideNumber(frame.json) ? exactCompletion(frame) : frame.json;
    for (const field in chunk) {
      const value = ownField(chunk, field);
      if (field !== 'choices' && value !== null && value !== undefined) setOwnField(this.top, field, value);
    }
    for (const choice of chunk.choices ?? []) this.addChoice(choice);
  }

  /** The frame that a run is like came before it and said everything else. */
  private addRun({ index, field, piece }: TextRun): void {
    const message = this.choices.get(index)?.message;
    if (message) message[field] = grown(message[field], piece, field);
  }

  /** The answer so far; the whole one at the end. */
  completion(): Completion {
    const choices = [...this.choices]
      .sort(([a], [b]) => a - b)
      .map(([index, { message, fields }]): Choice => ({ index, message: withoutIndexes(message), ...fields }));
    return { ...this.top, object: 'chat.completion', choices };
  }

  private addChoice(choice: Choice): void {
    const index = typeof choice.index === 'number' ? choice.index : 0;
    let known = this.choices.get(index);
    if (!known) {
      known = { message: { role: 'assistant', content: null }, fields: { finish_reason: null } };
      this.choices.set(index, known);
    }
    const piece: unknown = choice.delta ?? choice.message;
    if (isFields(piece)) addDelta(known.message, piece);
    for (const field in choice) {
      if (!APART.has(field)) addField(known.fields, field, ownField(choice, field));
    }
  }
}

/** A collected answer as a frame. Its text is made for those who ask for it: the cache and the session. */
export class CollectedFrame implements ChatFrame {
  readonly isExact = true;
  private written: string | null = null;

  constructor(readonly json: Completion) {}

  get text(): string {
    return (this.written ??= JSON.stringify(this.json));
  }
}

/** Looks at the messages alone, as they are what is sent to a model again. */
function sayWideNumber({ choices }: Completion): boolean {
  for (const { delta, message } of choices ?? []) if (holdsWideNumber(delta ?? message)) return true;
  return false;
}

/**
 * Adds the next delta to a message. A string nobody knows is text that grows, unless it is what is there already: a
 * label that the server repeats.
 */
function addDelta(message: Fields, delta: Fields): void {
  for (const field in delta) {
    const value = ownField(delta, field);
    if (typeof value === 'string') setOwnField(message, field, grown(ownField(message, field), value, field));
    else if (field !== 'tool_calls' || !Array.isArray(value)) addField(message, field, value);
    else message['tool_calls'] = joinedToolCalls(message['tool_calls'], value);
  }
}

function grown(known: unknown, piece: string, field: string): unknown {
  if (Array.isArray(known)) return piece === '' ? known : joinedList(known, [{ type: 'text', text: piece }], field);
  if (typeof known !== 'string' || REPEATED.has(field)) return piece === '' && known ? known : piece;
  return GROWING.has(field) || piece !== known ? known + piece : known;
}

/** A plain answer's tool calls carry no `index`; that is a matter of the stream. */
function withoutIndexes(message: Fields): Delta {
  const { tool_calls: calls } = message;
  if (!Array.isArray(calls)) return message;
  return { ...message, tool_calls: calls.map(({ index: _, ...call }: Fields) => call) };
}

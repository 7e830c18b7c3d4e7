import type { Choice, Completion, Delta } from '../../common/chat.js';

type Fields = Record<string, unknown>;

/** Strings that a server may repeat in every delta; all others arrive in pieces and are put together. */
const REPEATED = new Set(['role', 'id', 'type', 'name', 'object']);

/**
 * Puts the chunks of a streamed answer together to the `chat.completion` a plain request would have brought, fields
 * that nobody here knows included. Keeps only the result, not the chunks.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class CompletionCollector {
  private readonly top: Completion = {};
  private readonly choices = new Map<number, { message: Fields; fields: Fields }>();
  private text = '';

  /** Text of the first choice so far. */
  get answerText(): string {
    return this.text;
  }

  add({ choices, ...top }: Completion): void {
    for (const field in top) if (top[field] !== null && top[field] !== undefined) this.top[field] = top[field];
    for (const choice of choices ?? []) this.addChoice(choice);
  }

  /** The whole answer; call once, at the end. */
  completion(): Completion {
    const choices = [...this.choices]
      .sort(([a], [b]) => a - b)
      .map(([index, { message, fields }]): Choice => ({ index, message: withoutIndexes(message), ...fields }));
    return { ...this.top, object: 'chat.completion', choices };
  }

  private addChoice({ index = 0, delta, message, ...fields }: Choice): void {
    let known = this.choices.get(index);
    if (!known) {
      known = { message: { role: 'assistant', content: null }, fields: { finish_reason: null } };
      this.choices.set(index, known);
    }
    const piece: Delta = delta ?? message ?? {};
    merge(known.message, piece);
    if (index === 0 && typeof piece.content === 'string') this.text += piece.content;
    merge(known.fields, fields);
  }
}

function merge(into: Fields, piece: Fields): void {
  for (const field in piece) {
    const value = piece[field];
    if (value === null || value === undefined) {
      if (!(field in into)) into[field] = null;
    } else {
      into[field] = joined(into[field], value, field);
    }
  }
}

function joined(known: unknown, value: unknown, field: string): unknown {
  if (typeof value === 'string') {
    return typeof known === 'string' && !REPEATED.has(field) && field !== 'finish_reason' ? known + value : value;
  }
  if (Array.isArray(value)) return joinedList(Array.isArray(known) ? known : [], value);
  if (isFields(value)) {
    const target = isFields(known) ? known : {};
    merge(target, value);
    return target;
  }
  return value;
}

/** Items with an index (tool calls) are pieces of one item each; all others (log-probabilities) are appended. */
function joinedList(known: unknown[], pieces: unknown[]): unknown[] {
  for (const piece of pieces) {
    const index = isFields(piece) && typeof piece['index'] === 'number' ? piece['index'] : null;
    const target = index === null ? undefined : known.find((item) => isFields(item) && item['index'] === index);
    if (isFields(target) && isFields(piece)) merge(target, piece);
    else known.push(isFields(piece) ? { ...piece } : piece);
  }
  return known;
}

/** A plain answer's tool calls carry no `index`; that is a matter of the stream. */
function withoutIndexes(message: Fields): Delta {
  const { tool_calls: calls } = message;
  if (!Array.isArray(calls)) return message;
  return { ...message, tool_calls: calls.map(({ index: _, ...call }: Fields) => call) };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

import { InvalidRequest } from '../../common/app-error.js';
import { isFields, type Fields } from '../../common/json/fields.js';

/** A page of the input of a response. */
export interface InputPage {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  /** Id of the last item of the page before. */
  readonly after?: string | undefined;
}

/**
 * The input of a response as its list shows it: every item has an id and says its type.
 *
 * @param input as it came
 * @param code of the response
 */
export function inputItems(input: unknown, code: string): Fields[] {
  const sent = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
  return (Array.isArray(sent) ? sent : []).filter(isFields).map((item, at) => shownItem(item, `i${at}_${code}`));
}

function shownItem(item: Fields, name: string): Fields {
  const type = item['type'] ?? 'message';
  const id = item['id'] ?? `${type === 'message' ? 'msg' : 'item'}_${name}`;
  if (type !== 'message') return { ...item, id };
  const part = item['role'] === 'assistant' ? 'output_text' : 'input_text';
  const { content } = item;
  const parts = typeof content === 'string' ? [{ type: part, text: content }] : content;
  return { status: 'completed', ...item, type, id, content: parts };
}

/** @throws InvalidRequest that names `after`, where no item has that id */
export function listJson(items: readonly Fields[], { limit, order, after }: InputPage) {
  const all = order === 'asc' ? items : [...items].reverse();
  const last = after === undefined ? -1 : all.findIndex(({ id }) => id === after);
  if (after !== undefined && last < 0) {
    throw new InvalidRequest(
      'after: the input of this response has no item with this id; send `last_id` of the page before, or leave it out.',
      'after',
    );
  }
  const from = last + 1;
  const data = all.slice(from, from + limit);
  return {
    object: 'list' as const,
    data,
    first_id: data.at(0)?.['id'] ?? null,
    last_id: data.at(-1)?.['id'] ?? null,
    has_more: from + data.length < all.length,
  };
}

import { InvalidRequest } from '../../common/app-error.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { codeOf, responseOfItem, type ResponseName } from './response-id.js';

/** Reads of a store for one request; an agent's loop has no more steps. */
const MOST_RESPONSES = 128;

/** An item of an earlier answer, named in its place. */
interface Reference {
  /** Of the input. */
  readonly at: number;
  readonly id: string;
  /** The response that it is of. */
  readonly response: ResponseName;
}

/**
 * The items of an input that stand for items of earlier answers.
 *
 * @throws InvalidRequest that names the one that is none of ours, or the first of too many
 */
export function referencesIn(input: unknown): Reference[] {
  if (!Array.isArray(input)) return [];
  const found: Reference[] = [];
  const responses = new Set<string>();
  for (const [at, item] of (input as unknown[]).entries()) {
    if (!isFields(item) || item['type'] !== 'item_reference') continue;
    const { id } = item;
    const response = typeof id === 'string' ? responseOfItem(id) : null;
    if (!response) throw unknownItem(at);
    responses.add(codeOf(response));
    if (responses.size > MOST_RESPONSES) {
      const message = `input[${at}].id: references to more than ${MOST_RESPONSES} responses; send the items themselves`;
      throw new InvalidRequest(message, `input[${at}].id`);
    }
    found.push({ at, id: id as string, response });
  }
  return found;
}

/**
 * The input with the items in the place of what names them.
 *
 * @param items by id
 * @throws InvalidRequest that names the one that is not there
 */
export function withItems(
  input: unknown,
  references: readonly Reference[],
  items: ReadonlyMap<unknown, Fields>,
): unknown {
  if (references.length === 0) return input;
  const whole = [...(input as unknown[])];
  for (const { at, id } of references) {
    const item = items.get(id);
    if (!item) throw unknownItem(at);
    whole[at] = item;
  }
  return whole;
}

const unknownItem = (at: number): InvalidRequest =>
  new InvalidRequest(
    `input[${at}].id: no such item is stored here, or its response was deleted; send the item itself`,
    `input[${at}].id`,
  );

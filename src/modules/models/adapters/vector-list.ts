import { endOfString } from '../../../common/json/outline.js';
import { isFields } from '../../../common/json/fields.js';
import { Turn } from '../../../common/turn.js';

/** Characters that are parsed at once, in some milliseconds. */
const PARSED_AT_ONCE = 256 * 1024;
const LIST_OF_DATA = /"data"\s*:\s*\[/g;
const BETWEEN_ITEMS = /\s*,\s*(?=\{)/y;
const MARK = /["{}[\]]/g;

/**
 * As `JSON.parse`, of a list of vectors: item by item, with turns for others in between. 2,048 vectors of 1,536 numbers
 * are 30 MB of digits, which take it a third of a second by itself.
 *
 * @throws SyntaxError
 */
export async function parsedVectorList(text: string): Promise<unknown> {
  const list = text.length > PARSED_AT_ONCE ? await listIn(text) : null;
  if (!list) return JSON.parse(text);
  const rest: unknown = JSON.parse(`${text.slice(0, list.from)}${text.slice(list.to)}`);
  const isWhole = isFields(rest) && Array.isArray(rest['data']) && rest['data'].length === 0;
  return isWhole ? { ...rest, data: list.items } : JSON.parse(text);
}

/** The items of `data`, where they are objects, and where they stand. @returns `null` where it is written another way */
async function listIn(text: string): Promise<{ from: number; to: number; items: unknown[] } | null> {
  LIST_OF_DATA.lastIndex = 0;
  const start = LIST_OF_DATA.exec(text);
  if (!start) return null;
  const from = start.index + start[0].length;
  const items: unknown[] = [];
  const turn = new Turn();
  let at = from + /^\s*/.exec(text.slice(from, from + 64))![0].length;
  while (text.startsWith('{', at)) {
    const end = endOfObject(text, at);
    if (end < 0) return null;
    items.push(JSON.parse(text.slice(at, end)));
    BETWEEN_ITEMS.lastIndex = end;
    const gap = BETWEEN_ITEMS.exec(text);
    at = end + (gap?.[0].length ?? 0);
    if (!gap) break;
    if (turn.isOver) await turn.next();
  }
  return { from, to: at, items };
}

/** Position behind the object that begins there; -1 = it has no end. */
function endOfObject(text: string, start: number): number {
  let depth = 0;
  MARK.lastIndex = start;
  for (let mark = MARK.exec(text); mark; mark = MARK.exec(text)) {
    const [sign] = mark;
    if (sign === '"') MARK.lastIndex = endOfString(text, mark.index) + 1;
    else depth += sign === '{' || sign === '[' ? 1 : -1;
    if (depth === 0) return MARK.lastIndex;
  }
  return -1;
}

import { isFields, ownField, setOwnField, type Fields } from './json/fields.js';

/** Texts that arrive in pieces, wherever they stand. */
export const GROWING: ReadonlySet<string> = new Set([
  ...['content', 'refusal', 'reasoning', 'reasoning_content', 'thinking', 'text', 'summary'],
  ...['arguments', 'input', 'partial_json', 'data', 'transcript'],
]);

/** Lists whose items come in pieces even when the pieces carry no `index`. */
const CONTINUED_LISTS = new Set(['reasoning_details', 'thinking_blocks']);

/** Adds fields beside or below a delta: only text that is known to grow is joined, of all others the last one counts. */
export function addFields(into: Fields, piece: Fields): void {
  for (const field in piece) addField(into, field, ownField(piece, field));
}

/** Adds one field; `null` only where there is none yet. */
export function addField(into: Fields, field: string, value: unknown): void {
  const known = ownField(into, field);
  if (value === null || value === undefined) {
    if (known === undefined) setOwnField(into, field, null);
  } else {
    setOwnField(into, field, joined(known, value, field));
  }
}

function joined(known: unknown, value: unknown, field: string): unknown {
  if (typeof value === 'string') {
    if (typeof known !== 'string') return value;
    return GROWING.has(field) ? known + value : value || known;
  }
  if (Array.isArray(value)) return joinedList(listOf(known), value, field);
  if (!isFields(value)) return value;
  const target = isFields(known) ? known : {};
  addFields(target, value);
  return target;
}

/** A content of parts may begin as a plain text. */
function listOf(known: unknown): unknown[] {
  if (Array.isArray(known)) return known;
  return typeof known === 'string' && known !== '' ? [{ type: 'text', text: known }] : [];
}

/** Items with an index are pieces of one item each; all others (log-probabilities, citations) are appended. */
export function joinedList(known: unknown[], pieces: readonly unknown[], field: string): unknown[] {
  for (const piece of pieces) {
    if (!isFields(piece)) {
      known.push(piece);
      continue;
    }
    const open = openItem(known, piece, field);
    const target = open ?? {};
    addFields(target, piece);
    if (!open) known.push(target);
  }
  return known;
}

function openItem(known: readonly unknown[], piece: Fields, field: string): Fields | undefined {
  const index = piece['index'];
  if (typeof index !== 'number') {
    const last = CONTINUED_LISTS.has(field) ? known.at(-1) : undefined;
    return isFields(last) && agrees(last, piece, 'type') && agrees(last, piece, 'id') ? last : undefined;
  }
  const at = known.findLastIndex((item) => isFields(item) && item['index'] === index);
  const item = known[at];
  return isFields(item) && agrees(item, piece, 'type') && agrees(item, piece, 'id') ? item : undefined;
}

/** Whether a field that names an item says nothing against the piece being its continuation. */
const agrees = (item: Fields, piece: Fields, field: 'id' | 'type'): boolean =>
  !item[field] || !piece[field] || item[field] === piece[field];

import { isFields, type Fields } from './json/fields.js';
import { addFields } from './delta-pieces.js';

/**
 * Adds pieces of tool calls to the calls so far. A new id opens a new call, whatever its index; a piece without an id
 * continues the open call of its index, and without an index the call that was open last. Some servers give every
 * call index 0, some give none, and some repeat id and name in every piece.
 */
export function joinedToolCalls(known: unknown, pieces: readonly unknown[]): Fields[] {
  const calls = Array.isArray(known) ? (known as Fields[]) : [];
  for (const piece of pieces) {
    if (!isFields(piece)) continue;
    const open = openCall(calls, piece);
    const target = open ?? {};
    const id = target['id'];
    addFields(target, piece);
    if (id) target['id'] = id;
    if (!open) calls.push(target);
  }
  return calls;
}

/** The call that a piece continues; `undefined` where it opens a new one. */
export function openCall(calls: readonly Fields[], piece: Fields): Fields | undefined {
  const { index } = piece;
  const byId = callOfId(calls, piece);
  if (byId) return byId;
  const open = typeof index === 'number' ? callAt(calls, index, piece) : calls.at(-1);
  return open && !opensNewCall(open, piece) ? open : undefined;
}

/** Servers may repeat an id in another call: that one has another index, and a name of its own. */
function callOfId(calls: readonly Fields[], piece: Fields): Fields | undefined {
  const { id, index } = piece;
  if (!id) return undefined;
  const same = calls.findLast((call) => call['id'] === id && call['index'] === index);
  return same ?? calls.findLast((call) => call['id'] === id && !isAnother(call, piece));
}

function isAnother(call: Fields, piece: Fields): boolean {
  const [known, name] = [nameOf(call), nameOf(piece)];
  const haveIndexes = typeof call['index'] === 'number' && typeof piece['index'] === 'number';
  return haveIndexes && Boolean(known) && Boolean(name) && name !== known;
}

/** The last call of this index; a bare fragment may have an index that its call was opened without. */
function callAt(calls: readonly Fields[], index: number, piece: Fields): Fields | undefined {
  const last = calls.at(-1);
  return (
    calls.findLast((call) => call['index'] === index) ??
    (last && last['index'] === undefined && !nameOf(piece) ? last : undefined)
  );
}

function opensNewCall(open: Fields, piece: Fields): boolean {
  const name = nameOf(piece);
  const isBareFragment = !name && Boolean(argumentsOf(piece));
  if (piece['id'] && open['id']) return !isBareFragment; // servers with an id of its own for each fragment exist
  if (!name || !nameOf(open)) return false;
  // the name again: repeated, or the next call of a server that sends whole calls without ids
  return name !== nameOf(open) || (mayBegin(argumentsOf(piece)) && isWhole(argumentsOf(open)));
}

const partOf = (call: Fields): Fields => {
  const part = call['function'] ?? call['custom'];
  return isFields(part) ? part : {};
};
const nameOf = (call: Fields): unknown => partOf(call)['name'];
const argumentsOf = (call: Fields): unknown => partOf(call)['arguments'] ?? partOf(call)['input'];

/** Looked at first: what is there so far is long, and reading it again for every piece takes quadratic time. */
const mayBegin = (args: unknown): boolean => typeof args !== 'string' || /^\s*(?:[{[]|$)/.test(args);

function isWhole(args: unknown): boolean {
  if (typeof args !== 'string') return args !== undefined && args !== null;
  try {
    return typeof JSON.parse(args) === 'object';
  } catch {
    return false;
  }
}

import { endOfString } from './outline.js';
import { fieldPath } from './fields.js';

/** An object or a list that is open, and where in it the scan stands. */
interface Place {
  /** Names so far; `null` in a list. */
  readonly names: Set<string> | null;
  at: string | number;
}

/** How many members all objects of the data have. */
export function countFields(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const children: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  let count = children === value ? 0 : children.length;
  // by index: a list may have 300,000 items
  for (let i = 0; i < children.length; i += 1) {
    const child = children[i];
    if (typeof child === 'object') count += countFields(child);
  }
  return count;
}

/** Paths of the members whose name their object has had before, in the order of the text. Valid JSON only. */
export function repeatedFields(text: string): string[] {
  const repeated: string[] = [];
  const open: Place[] = [];
  let atName = false;
  for (let i = 0; i < text.length; i += 1) {
    const place = open.at(-1);
    const sign = text[i];
    if (sign === '"') {
      const end = endOfString(text, i);
      if (atName && place?.names) {
        place.at = JSON.parse(text.slice(i, end + 1)) as string;
        if (place.names.has(place.at)) repeated.push(fieldPath(open.map(({ at }) => at)));
        place.names.add(place.at);
        atName = false;
      }
      i = end;
    } else if (sign === '{' || sign === '[') {
      atName = sign === '{';
      open.push({ names: atName ? new Set() : null, at: 0 });
    } else if (sign === '}' || sign === ']') {
      open.pop();
    } else if (sign === ',' && place) {
      atName = place.names !== null;
      if (typeof place.at === 'number') place.at += 1;
    }
  }
  return repeated;
}

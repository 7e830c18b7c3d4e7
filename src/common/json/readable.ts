import { outlineOf } from './outline.js';

/** Deeper than any message, answer or schema; what follows the levels of what is read here is safe below it. */
const MOST_LEVELS = 128;
/** A text this short has so few levels that they do no harm, characters. */
const SHORT = 1_024;
const BOUNDS = { depth: MOST_LEVELS, containers: Infinity, fields: Infinity, commas: Infinity };

/** Text that comes from outside as data; `undefined` for what is no JSON, or nested deeper than 128 levels. */
export function readableJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (text.length <= SHORT) return value;
  return outlineOf(text, 0, text.length, BOUNDS).depth > MOST_LEVELS ? undefined : value;
}

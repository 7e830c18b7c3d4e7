import { sourceOf } from './source.js';
import { ownField } from './fields.js';

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

// ECMA-262 2026 (JSON.parse source text access), in Node since 22; TypeScript's library does not have it yet.
const exactJson = JSON as unknown as {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
  parse(text: string, reviver: Reviver): unknown;
};

const MAY_BE_WIDE = /\d[\d.]{15}|\d[eE][-+]?\d/;

/**
 * JSON text to data that `JSON.stringify` writes with the numbers it had: one that JavaScript would round becomes an
 * opaque `JSON.rawJSON`. For what is kept and sent on, not for what is calculated with.
 */
export function parseKeepingNumbers(text: string): unknown {
  return mayHoldWideNumbers(text) ? exactJson.parse(text, keepNumber) : JSON.parse(text);
}

/** Whether it is a number that `parseKeepingNumbers` kept as its text. */
export const isRawNumber = (value: object): boolean => exactJson.isRawJSON(value);

/** Whether JavaScript may have rounded a number of this JSON text; also where one only seems to stand in a string. */
export const mayHoldWideNumbers = (text: string): boolean => MAY_BE_WIDE.test(text);

/** Whether a number stands in a value, at any depth, that JavaScript has rounded to a float or to infinity. */
export function holdsWideNumber(value: unknown): boolean {
  if (typeof value === 'number') return !(Math.abs(value) <= Number.MAX_SAFE_INTEGER);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsWideNumber);
  // no list of its values: every delta of a stream comes here
  for (const field in value) {
    const item = ownField(value as Readonly<Record<string, unknown>>, field);
    if (typeof item !== 'string' && holdsWideNumber(item)) return true;
  }
  return false;
}

const keepNumber: Reviver = (_, value, { source }) =>
  typeof value === 'number' && source !== undefined && isRounded(source, value) ? exactJson.rawJSON(source) : value;

function isRounded(source: string, value: number): boolean {
  if (!Number.isFinite(value)) return true;
  return source.length > 15 && significant(source) !== significant(String(value));
}

/** The digits alone, without those that only hold a place. */
const significant = (number: string): string =>
  (number.split(/[eE]/)[0] ?? '').replace(/\D/g, '').replace(/^0+|0+$/g, '');

/** The messages of a request as they are to be kept: with the numbers they came with. */
export function messagesToKeep<T extends { readonly messages: readonly unknown[] }>(request: T): T['messages'] {
  const source = sourceOf(request);
  if (!source?.wideNumbers) return request.messages;
  return source.itemsOf('messages').map(parseKeepingNumbers);
}

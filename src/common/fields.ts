import { isKeptNumber } from './json-numbers.js';

/** A JSON object: fields by name, of whatever value. Names from outside are read by `ownField`. */
export type Fields = Record<string, unknown>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isKeptNumber(value);

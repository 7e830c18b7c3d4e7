/**
 * The one place that reads and writes properties by a name from outside (a model server's frame, a request, a stored
 * document, a tenant's name). On an object with a prototype `__proto__` would change that prototype for the whole
 * process, and `constructor` would find a function; a lint rule sends every such access here, or to a `Map`.
 */
type FieldsOf<T> = { [name: string]: T };

/** A JSON object: fields by name, of whatever value. Names from outside are read by `ownField`. */
export type Fields = Record<string, unknown>;

type PathSegment = PropertyKey | { readonly key: PropertyKey };

// ECMA-262 2026 (JSON.parse source text access), in Node since 22; TypeScript's library does not have it yet.
const { isRawJSON } = JSON as unknown as { isRawJSON(this: void, value: unknown): boolean };

/** Whether a value is a JSON object: no list, and no number that only its text can hold (`parseKeepingNumbers`). */
export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value);

/** The object's own field of that name; what it inherits is not there. */
export function ownField<T>(fields: Readonly<FieldsOf<T>>, name: PropertyKey): T | undefined {
  return Object.hasOwn(fields, name) ? fields[name as string] : undefined;
}

/** Sets a field of the object itself, whatever its name. */
export function setOwnField<T>(fields: FieldsOf<T>, name: PropertyKey, value: T): void {
  if (name === '__proto__') {
    Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    fields[name as string] = value;
  }
}

/** `messages[0].content`, the way OpenAI names a field in `param`. */
export function fieldPath(path: readonly PathSegment[]): string {
  return path
    .map((segment) => (typeof segment === 'object' ? segment.key : segment))
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

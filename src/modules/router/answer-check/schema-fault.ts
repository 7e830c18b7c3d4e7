import { isFields, ownField, type Fields } from '../../../common/json/fields.js';

const DEEPEST = 32;
/** An `enum` of more values is not judged: each value of the answer would be compared with all of them. */
const MOST_ALLOWED = 1_000;

/**
 * Path of the first place where a value breaks a JSON Schema, or `null`. Reads type, enum, required, properties,
 * additionalProperties: false and items; other keywords are not judged, so it never refuses what they might allow.
 * The schema is the caller's: a keyword that is not of the form the specification gives it is not judged either.
 */
export function findSchemaFault(schema: unknown, value: unknown, path = '$', depth = 0): string | null {
  if (!isFields(schema) || depth > DEEPEST) return null;
  if (!fitsType(schema['type'], value) || !isAmong(schema['enum'], value)) return path;
  if (Array.isArray(value)) {
    const { items } = schema;
    return firstFault(value, (item, i) => findSchemaFault(items, item, `${path}[${i}]`, depth + 1));
  }
  return isFields(value) ? faultOfFields(schema, value, path, depth) : null;
}

function faultOfFields(schema: Fields, value: Fields, path: string, depth: number): string | null {
  const missing = namesOf(schema['required']).find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `${path}.${missing}`;
  const known = isFields(schema['properties']) ? schema['properties'] : {};
  const mayHaveMore = schema['additionalProperties'] !== false || isFields(schema['patternProperties']);
  const extra = mayHaveMore ? undefined : Object.keys(value).find((name) => !Object.hasOwn(known, name));
  if (extra !== undefined) return `${path}.${extra}`;
  const names = Object.keys(known).filter((name) => Object.hasOwn(value, name));
  return firstFault(names, (name) =>
    findSchemaFault(ownField(known, name), ownField(value, name), `${path}.${name}`, depth + 1),
  );
}

function firstFault<T>(parts: readonly T[], faultOf: (part: T, index: number) => string | null): string | null {
  for (const [index, part] of parts.entries()) {
    const fault = faultOf(part, index);
    if (fault !== null) return fault;
  }
  return null;
}

const TYPES: ReadonlyMap<unknown, (value: unknown) => boolean> = new Map<unknown, (value: unknown) => boolean>([
  ['null', (value) => value === null],
  ['array', Array.isArray],
  ['object', isFields],
  ['integer', Number.isInteger],
  ['number', (value) => typeof value === 'number'],
  ['string', (value) => typeof value === 'string'],
  ['boolean', (value) => typeof value === 'boolean'],
]);

/** A type that JSON Schema does not have allows everything. */
function fitsType(type: unknown, value: unknown): boolean {
  const types = Array.isArray(type) ? (type as unknown[]) : [type];
  return types.length === 0 || types.some((one) => TYPES.get(one)?.(value) ?? true);
}

function isAmong(allowed: unknown, value: unknown): boolean {
  if (!Array.isArray(allowed) || allowed.length > MOST_ALLOWED) return true;
  const text = JSON.stringify(value);
  return allowed.some((one) => JSON.stringify(one) === text);
}

const namesOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : [];

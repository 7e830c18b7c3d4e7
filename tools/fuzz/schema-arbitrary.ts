import fc, { type Arbitrary } from 'fast-check';
import type { Schema } from './api.js';

/** Texts that mean something here, between those that mean nothing. */
const WORDS = ['auto', 'local', 'What is 2+2?', 'Say hello', 'hybrid', 'rules', 'user', 'latest', '', 'é 😀 中'];
const text = fc.oneof(fc.constantFrom(...WORDS), fc.string({ unit: 'binary', maxLength: 40 }));
const json = fc.jsonValue({ maxDepth: 2 }) as Arbitrary<unknown>;

/**
 * Names and values that the service knows, tried more often than any other; by the name of the field that holds them, those of a
 * parameter also by its operation (`GET /v1/responses/{id} id`).
 */
export type KnownNames = Readonly<Record<string, readonly unknown[]>>;

/** Values that a schema of the OpenAPI document allows, and mostly such that get further than the first check. */
export function valuesOf(schema: Schema, known: KnownNames, field = ''): Arbitrary<unknown> {
  const value = plainValuesOf(schema, known, field);
  const names: unknown[] = [...(known[field] ?? []), schema['example'], schema['default']].filter(
    (one) => one !== undefined,
  );
  const likely =
    names.length > 0
      ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: value })
      : value;
  return schema['nullable'] === true
    ? fc.oneof({ weight: 5, arbitrary: likely }, { weight: 1, arbitrary: fc.constant(null) })
    : likely;
}

function plainValuesOf(schema: Schema, known: KnownNames, field: string): Arbitrary<unknown> {
  const choices = (schema['anyOf'] ?? schema['oneOf']) as Schema[] | undefined;
  if (choices) return fc.oneof(...choices.map((choice) => valuesOf(choice, known, field)));
  if (schema['enum']) return fc.constantFrom(...(schema['enum'] as unknown[]));
  switch (schema['type']) {
    case 'string':
      return textsOf(schema);
    case 'integer':
      return fc.integer(rangeOf(schema));
    case 'number':
      return fc.oneof(
        fc.double({ ...rangeOf(schema), noNaN: true, noDefaultInfinity: true }),
        fc.integer(rangeOf(schema)),
      );
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valuesOf((schema['items'] ?? {}) as Schema, known, field), {
        minLength: 0,
        maxLength: longest(schema),
      });
    case 'object':
      return objectsOf(schema, known);
    default:
      return fc.oneof(
        json,
        fc.record({ type: fc.constant('text'), text }),
        fc.constant({ type: 'function', function: { name: 'look', parameters: {} } }),
      );
  }
}

const MOST_ITEMS = 4;
const longest = ({ maxItems }: Schema): number =>
  Math.min(MOST_ITEMS, typeof maxItems === 'number' ? maxItems : MOST_ITEMS);

function objectsOf(schema: Schema, known: KnownNames): Arbitrary<object> {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>);
  const fields = Object.fromEntries(properties.map(([name, child]) => [name, valuesOf(child, known, name)]));
  const required = (schema['required'] ?? []) as string[];
  return fc.record(fields, { requiredKeys: required, noNullPrototype: true });
}

function textsOf(schema: Schema): Arbitrary<string> {
  const {
    pattern,
    minLength = 0,
    maxLength = 200,
  } = schema as { pattern?: string; minLength?: number; maxLength?: number };
  // lookaheads are beyond stringMatching
  if (pattern)
    return fc
      .stringMatching(new RegExp(pattern.replace(/\(\?![^)]*\)/, '')))
      .filter((one) => new RegExp(pattern).test(one));
  return text.filter(({ length }) => length >= minLength && length <= maxLength);
}

function rangeOf(schema: Schema): { min?: number; max?: number } {
  const { minimum, maximum } = schema as { minimum?: number; maximum?: number };
  return { ...(minimum === undefined ? {} : { min: minimum }), ...(maximum === undefined ? {} : { max: maximum }) };
}

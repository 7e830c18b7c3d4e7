import { ownField } from '../../common/own-field.js';

interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly additionalProperties?: unknown;
  readonly items?: unknown;
  readonly enum?: readonly unknown[];
}

const DEEPEST = 32;

/**
 * Path of the first place where a value breaks a JSON Schema, or `null`. Reads type, enum, required, properties,
 * additionalProperties: false and items; other keywords are not judged, so it never refuses what they might allow.
 */
export function findSchemaFault(schema: unknown, value: unknown, path = '$', depth = 0): string | null {
  if (typeof schema !== 'object' || schema === null || depth > DEEPEST) return null;
  const node = schema as SchemaNode;
  if (node.type !== undefined && ![node.type].flat().some((type) => isOfType(value, type))) return path;
  if (node.enum && !node.enum.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value))) return path;
  if (Array.isArray(value)) {
    return firstFault(
      value.map((item, i) => [node.items, item, `${path}[${i}]`] as const),
      depth,
    );
  }
  if (typeof value !== 'object' || value === null) return null;
  const object = value as Record<string, unknown>;
  const missing = node.required?.find((name) => !Object.hasOwn(object, name));
  if (missing !== undefined) return `${path}.${missing}`;
  const known = node.properties ?? {};
  const extra = Object.keys(object).find((name) => !Object.hasOwn(known, name));
  if (node.additionalProperties === false && extra !== undefined) return `${path}.${extra}`;
  const fields = Object.entries(known).filter(([name]) => Object.hasOwn(object, name));
  return firstFault(
    fields.map(([name, part]) => [part, ownField(object, name), `${path}.${name}`] as const),
    depth,
  );
}

function firstFault(parts: readonly (readonly [unknown, unknown, string])[], depth: number): string | null {
  for (const [schema, value, path] of parts) {
    const fault = findSchemaFault(schema, value, path, depth + 1);
    if (fault) return fault;
  }
  return null;
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

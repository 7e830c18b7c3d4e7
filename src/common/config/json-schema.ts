import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { routerConfigSchema } from './config.schema.js';

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** What an editor must accept in place of any number, boolean, choice or formatted text. */
const PLACEHOLDER: JsonSchema = { type: 'string', pattern: '^\\$\\{.*\\}$' };
/** Within formatted text a placeholder may be a part, as in `redis://:${REDIS_PASSWORD}@cache:6379`. */
const TEXT_WITH_PLACEHOLDER: JsonSchema = { type: 'string', pattern: '\\$\\{.*\\}' };

function alternative(schema: JsonSchema): JsonSchema | null {
  if (schema.type === 'number' || schema.type === 'integer' || schema.type === 'boolean') return PLACEHOLDER;
  if (schema.enum || schema.const !== undefined) return PLACEHOLDER;
  return schema.type === 'string' && (schema.pattern || schema.format) ? TEXT_WITH_PLACEHOLDER : null;
}

/** Lets `${VAR}` stand for a scalar; description and default stay outside, where editors look for them. */
function allowPlaceholder(schema: JsonSchema): void {
  if (schema.anyOf) {
    schema.anyOf.push(TEXT_WITH_PLACEHOLDER);
    return;
  }
  const placeholder = alternative(schema);
  if (!placeholder) return;
  const { description, default: fallback, ...own } = schema;
  for (const key of Object.keys(own)) Reflect.deleteProperty(schema, key);
  schema.anyOf = [own, placeholder];
  if (description !== undefined) schema.description = description;
  if (fallback !== undefined) schema.default = fallback;
}

/** Visits every value schema below the properties; keys of records keep their pattern. */
function walk(schema: JsonSchema): void {
  const children = [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {})].flat();
  for (const child of children) {
    if (typeof child !== 'object' || child === null) continue;
    walk(child);
    allowPlaceholder(child);
  }
}

/** The JSON Schema (draft 2020-12) of `router.config.yaml` as a person writes it, for editors. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(routerConfigSchema, { io: 'input', target: 'draft-2020-12' });
  walk(schema);
  return { title: 'Hybrid LLM Router configuration', ...schema };
}

/** The exact content of `router.config.schema.json`. */
export const configJsonSchemaText = (): string => `${JSON.stringify(configJsonSchema(), null, 2)}\n`;

// `npm run config:schema`
if (import.meta.main) {
  const file = resolve('router.config.schema.json');
  writeFileSync(file, configJsonSchemaText());
  process.stdout.write(`wrote ${file}\n`);
}

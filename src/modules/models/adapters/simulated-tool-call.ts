import { randomUUID } from 'node:crypto';
import type { ChatRequest } from '../../../common/chat.js';
import { isFields, ownField } from '../../../common/json/fields.js';

interface JsonSchema {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

interface Tool {
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly parameters?: JsonSchema };
}

/** A schema may be of any depth; arguments deeper than this are left out. */
const MAX_DEPTH = 8;

/**
 * The tool call of a simulated answer: made only where the caller demands one (`tool_choice` "required" or a named
 * function), with the smallest arguments the function's schema asks for: its required properties, else `{}`.
 */
export function simulatedToolCall(request: ChatRequest) {
  const name = demandedName(request['tool_choice']);
  if (name === null) return null;
  const tools = (request.tools ?? []) as readonly (Tool | null)[];
  const called = tools.find((tool) => tool?.function?.name && (name === '' || tool.function.name === name))?.function;
  if (!called?.name) return null;
  const args = JSON.stringify(minimalObject(called.parameters, 0, ''));
  return { id: `call_sim_${randomUUID()}`, type: 'function', function: { name: called.name, arguments: args } };
}

/** The smallest value that a schema of `response_format` asks for; texts in it say that they are simulated. */
export const simulatedValue = (schema: unknown): unknown =>
  minimalValue(isFields(schema) ? schema : {}, 0, 'simulated');

/** `null` = no call demanded; '' = any tool will do. */
function demandedName(choice: unknown): string | null {
  if (choice === 'required') return '';
  if (typeof choice !== 'object' || choice === null) return null;
  return (choice as Tool).function?.name ?? null;
}

const SMALLEST: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  ['number', 0],
  ['integer', 0],
  ['boolean', false],
]);

function minimalObject(schema: JsonSchema | undefined, depth: number, text: string): Record<string, unknown> {
  const required = Array.isArray(schema?.required) && depth < MAX_DEPTH ? (schema.required as readonly string[]) : [];
  return Object.fromEntries(
    required.map((field) => [field, minimalValue(ownField(schema?.properties ?? {}, field), depth + 1, text)]),
  );
}

function minimalValue(schema: JsonSchema | undefined, depth: number, text: string): unknown {
  if (schema?.const !== undefined) return schema.const;
  if (schema?.default !== undefined) return schema.default;
  if (Array.isArray(schema?.enum)) return (schema.enum as readonly unknown[])[0] ?? null;
  const type: unknown = Array.isArray(schema?.type) ? schema.type[0] : schema?.type;
  if (type === 'object') return minimalObject(schema, depth, text);
  if (type === 'array') return [];
  return SMALLEST.get(type) ?? (type === 'null' ? null : text);
}

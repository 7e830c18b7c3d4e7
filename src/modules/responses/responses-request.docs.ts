/** What the OpenAPI document says of the parts of a request that their translators check, and no schema. */
const text = { type: 'string' as const };
const oneOf = (...values: string[]) => ({ type: 'string' as const, enum: values });
const object = (properties: Record<string, object>, required: string[]) => ({
  type: 'object' as const,
  required,
  properties,
});
const listOf = (items: object) => ({ type: 'array' as const, items });

const FREE = { type: 'object' as const };

const contentPart = object({ type: oneOf('input_text'), text }, ['type', 'text']);
const content = { anyOf: [text, listOf({ anyOf: [contentPart, object({ type: text }, ['type'])] })] };
const message = object(
  { type: oneOf('message'), role: oneOf('user', 'assistant', 'system', 'developer'), content },
  ['role', 'content'], // prettier-ignore
);
const callFields = { call_id: text, name: text, namespace: text };
const functionCall = object({ type: oneOf('function_call'), ...callFields, arguments: text }, [
  ...['type', 'call_id', 'name', 'arguments'],
]);
const customCall = object({ type: oneOf('custom_tool_call'), ...callFields, input: text }, [
  ...['type', 'call_id', 'name', 'input'],
]);
const result = object(
  { type: oneOf('function_call_output', 'custom_tool_call_output'), call_id: text, output: text },
  ['type', 'call_id', 'output'], // prettier-ignore
);
export const ITEMS_DOCS = listOf({
  anyOf: [message, functionCall, customCall, result, object({ type: text }, ['type'])],
});

const functionTool = object({ type: oneOf('function'), name: text, description: text, parameters: FREE }, [
  ...['type', 'name'],
]);
const customTool = object({ type: oneOf('custom'), name: text, description: text }, ['type', 'name']);
const tool = { anyOf: [functionTool, customTool] };
const namespace = object({ type: oneOf('namespace'), name: text, description: text, tools: listOf(tool) }, [
  ...['type', 'name', 'tools'],
]);
export const TOOLS_DOCS = listOf({ anyOf: [functionTool, customTool, namespace] });

const chosen = object({ type: oneOf('function', 'custom'), name: text, namespace: text }, ['type', 'name']);
const allowed = object(
  { type: oneOf('allowed_tools'), mode: oneOf('auto', 'required'), tools: listOf(chosen) },
  ['type', 'mode', 'tools'], // prettier-ignore
);
export const CHOICE_DOCS = { anyOf: [oneOf('auto', 'none', 'required'), chosen, allowed] };

export const CONVERSATION_DOCS = object({ id: text }, ['id']);

export const FORMAT_DOCS = {
  anyOf: [
    object({ type: oneOf('text', 'json_object') }, ['type']),
    object({ type: oneOf('json_schema'), name: text, schema: FREE }, ['type', 'name', 'schema']),
  ],
};

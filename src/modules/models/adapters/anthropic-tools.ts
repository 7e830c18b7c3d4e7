import type { ChatRequest } from '../../../common/chat.js';
import { isFields, type Fields } from '../../../common/json/fields.js';
import { withCacheControl } from './anthropic-blocks.js';

/** The tools of a request as Anthropic takes them; those that are no functions are not the model's to call. */
export function toolsOf({ tools, functions }: ChatRequest): Fields[] {
  const asTools = (Array.isArray(tools) ? tools : []).map((tool: unknown) => [tool, functionOf(tool)] as const);
  const legacy = (Array.isArray(functions) ? functions : []).map((one: unknown) => [one, one] as const);
  return [...asTools, ...legacy].flatMap(([tool, one]) => (isFields(one) ? [toolOf(tool, one)] : []));
}

const functionOf = (tool: unknown): unknown => (isFields(tool) ? tool['function'] : null);

function toolOf(tool: unknown, { name, description, parameters, strict }: Fields): Fields {
  return withCacheControl(
    {
      name,
      ...(typeof description === 'string' && description !== '' ? { description } : {}),
      input_schema: { type: 'object', ...(isFields(parameters) ? parameters : { properties: {} }) },
      ...(strict === true ? { strict } : {}),
    },
    tool,
  );
}

/** `tool_choice` and `parallel_tool_calls` in Anthropic's words; `undefined` where the model may choose as it likes. */
export function toolChoiceOf(request: ChatRequest): Fields | undefined {
  const choice = wantedTool(request['tool_choice'] ?? request['function_call']);
  if (request['parallel_tool_calls'] !== false || choice?.['type'] === 'none') return choice;
  return { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true };
}

function wantedTool(choice: unknown): Fields | undefined {
  if (choice === 'none' || choice === 'auto') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  if (!isFields(choice)) return undefined;
  const { function: chosen, name, allowed_tools: allowed } = choice;
  if (isFields(allowed)) return { type: allowed['mode'] === 'required' ? 'any' : 'auto' };
  const tool = isFields(chosen) ? chosen['name'] : name;
  return typeof tool === 'string' ? { type: 'tool', name: tool } : undefined;
}

/** Whether the model must call a tool. */
export const mustCall = (choice: Fields | undefined): boolean =>
  choice?.['type'] === 'any' || choice?.['type'] === 'tool';

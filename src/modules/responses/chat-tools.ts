import type { ChatRequest } from '../../common/chat.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { CUSTOM_PARAMETERS } from './custom-input.js';
import type { SentItem } from './sent-item.js';

type ToolFields = Pick<ChatRequest, 'tools'> & { tool_choice?: unknown; parallel_tool_calls?: unknown };

const NO_PARAMETERS = { type: 'object', properties: {} };

/**
 * `tools`, `tool_choice` and `parallel_tool_calls` in the form of chat completions. The last two go on only where there are
 * tools: without any, servers refuse them.
 *
 * @throws InvalidRequest that names the field
 */
export function chatTools(body: SentItem): ToolFields {
  const tools = body.items('tools').map((tool) => ({ name: tool.text('name'), chat: chatTool(tool) }));
  const choice = chatChoice(body);
  const allowed = choice.allowed === null ? tools : tools.filter(({ name }) => choice.allowed!.has(name));
  if (allowed.length === 0) return {};
  const parallel = body.value('parallel_tool_calls');
  return {
    tools: allowed.map(({ chat }) => chat),
    ...(choice.value === undefined ? {} : { tool_choice: choice.value }),
    ...(typeof parallel === 'boolean' ? { parallel_tool_calls: parallel } : {}),
  };
}

function chatTool(tool: SentItem): Fields {
  const { type } = tool.fields;
  if (type === 'function') return functionTool(tool);
  if (type === 'custom') return customTool(tool);
  throw tool.wrong('type', 'expected `function` or `custom`');
}

function functionTool(tool: SentItem): Fields {
  const description = tool.textOr('description', undefined);
  const strict = tool.value('strict');
  const parameters = tool.member('parameters')?.fields ?? NO_PARAMETERS;
  const described = description === undefined ? {} : { description };
  return {
    type: 'function',
    function: {
      name: tool.text('name'),
      ...described,
      parameters,
      ...(typeof strict === 'boolean' ? { strict } : {}),
    },
  };
}

/** Its grammar cannot bind a model of chat completions; the description tells it. */
function customTool(tool: SentItem): Fields {
  const format = tool.member('format');
  const lines = [tool.textOr('description', '')];
  if (format?.fields['type'] === 'grammar') {
    lines.push(
      `The input is a text of this grammar (${format.textOr('syntax', 'lark')}):`,
      format.textOr('definition', ''),
    );
  }
  const description = lines.filter((line) => line !== '').join('\n\n');
  return {
    type: 'function',
    function: {
      name: tool.text('name'),
      ...(description === '' ? {} : { description }),
      parameters: CUSTOM_PARAMETERS,
    },
  };
}

interface Choice {
  /** For chat completions; `undefined` = not said. */
  readonly value: unknown;
  /** Names of the only tools that may be called; `null` = all. */
  readonly allowed: ReadonlySet<string> | null;
}

const CHOICES: ReadonlySet<unknown> = new Set(['auto', 'none', 'required']);

function chatChoice(body: SentItem): Choice {
  const sent = body.value('tool_choice');
  if (sent === undefined) return { value: undefined, allowed: null };
  if (!isFields(sent)) {
    if (CHOICES.has(sent)) return { value: sent, allowed: null };
    throw body.wrong('tool_choice', 'expected `auto`, `none`, `required` or an object');
  }
  const choice = body.member('tool_choice')!;
  if (sent['type'] === 'function' || sent['type'] === 'custom') {
    return { value: { type: 'function', function: { name: choice.text('name') } }, allowed: null };
  }
  if (sent['type'] !== 'allowed_tools') throw choice.wrong('type', 'expected `function`, `custom` or `allowed_tools`');
  return {
    value: sent['mode'] === 'required' ? 'required' : 'auto',
    allowed: new Set(choice.items('tools').map((tool) => tool.text('name'))),
  };
}

/** Names of the tools whose calls are calls of a `custom` tool. @param tools of the request */
export function customToolsIn(tools: unknown): ReadonlySet<string> {
  if (!Array.isArray(tools)) return new Set();
  const custom = (tools as unknown[]).filter((tool): tool is Fields => isFields(tool) && tool['type'] === 'custom');
  return new Set(custom.map(({ name }) => String(name)));
}

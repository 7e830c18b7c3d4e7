import type { ChatRequest } from '../../common/chat.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { CUSTOM_PARAMETERS } from './custom-input.js';
import type { SentItem } from './sent-item.js';
import type { ToolNames } from './tool-names.js';

type ToolFields = Pick<ChatRequest, 'tools'> & { tool_choice?: unknown; parallel_tool_calls?: unknown };

/** As in chat completions. */
const NESTED = 'missing; tools are flat here: write what stands in `function` (name, parameters) beside `type`';

const NO_PARAMETERS = { type: 'object', properties: {} };

/**
 * `tools`, `tool_choice` and `parallel_tool_calls` in the form of chat completions. The last two go on only where there are
 * tools: without any, servers refuse them.
 *
 * @param names of its tools
 * @throws InvalidRequest that names the field
 */
export function chatTools(body: SentItem, names: ToolNames): ToolFields {
  const tools = body.items('tools').flatMap((tool) => sentTools(tool, names));
  const choice = chatChoice(body, names);
  const allowed = choice.allowed === null ? tools : tools.filter(({ name }) => choice.allowed!.has(name));
  if (allowed.length === 0) return {};
  const parallel = body.value('parallel_tool_calls');
  return {
    tools: allowed.map(({ chat }) => chat),
    ...(choice.value === undefined ? {} : { tool_choice: choice.value }),
    ...(typeof parallel === 'boolean' ? { parallel_tool_calls: parallel } : {}),
  };
}

/** A tool for chat completions, under the name that it has there. */
interface SentTool {
  readonly name: string;
  readonly chat: Fields;
}

/** Chat completions have no namespaces: the first of its tools says what the namespace is for. */
function sentTools(tool: SentItem, names: ToolNames): SentTool[] {
  if (isFields(tool.fields['function']) && tool.value('name') === undefined) throw tool.wrong('name', NESTED);
  if (tool.fields['type'] !== 'namespace') return [sentTool(tool, names.chatName(null, tool.text('name')), '')];
  const namespace = tool.text('name');
  const about = tool.textOr('description', '');
  return tool
    .items('tools')
    .map((one, i) => sentTool(one, names.chatName(namespace, one.text('name')), i === 0 ? about : ''));
}

/** @param about what its namespace is for; '' = nothing is said of it */
function sentTool(tool: SentItem, name: string, about: string): SentTool {
  const { type } = tool.fields;
  if (type === 'function') return { name, chat: functionTool(tool, name, about) };
  if (type === 'custom') return { name, chat: customTool(tool, name, about) };
  throw tool.wrong('type', 'expected `function` or `custom`');
}

const paragraphs = (lines: readonly string[]): string => lines.filter((line) => line !== '').join('\n\n');

function functionTool(tool: SentItem, name: string, about: string): Fields {
  const said = tool.textOr('description', undefined);
  const description = about === '' ? said : paragraphs([about, said ?? '']);
  const strict = tool.value('strict');
  const parameters = tool.member('parameters')?.fields ?? NO_PARAMETERS;
  const described = description === undefined ? {} : { description };
  return {
    type: 'function',
    function: {
      name,
      ...described,
      parameters,
      ...(typeof strict === 'boolean' ? { strict } : {}),
    },
  };
}

/** Its grammar cannot bind a model of chat completions; the description tells it. */
function customTool(tool: SentItem, name: string, about: string): Fields {
  const format = tool.member('format');
  const lines = [about, tool.textOr('description', '')];
  if (format?.fields['type'] === 'grammar') {
    lines.push(
      `The input is a text of this grammar (${format.textOr('syntax', 'lark')}):`,
      format.textOr('definition', ''),
    );
  }
  const description = paragraphs(lines);
  return {
    type: 'function',
    function: {
      name,
      ...(description === '' ? {} : { description }),
      parameters: CUSTOM_PARAMETERS,
    },
  };
}

interface Choice {
  /** For chat completions; `undefined` = not said. */
  readonly value: unknown;
  /** Names for chat of the only tools that may be called; `null` = all. */
  readonly allowed: ReadonlySet<string> | null;
}

const CHOICES: ReadonlySet<unknown> = new Set(['auto', 'none', 'required']);

function chatChoice(body: SentItem, names: ToolNames): Choice {
  const sent = body.value('tool_choice');
  if (sent === undefined) return { value: undefined, allowed: null };
  if (!isFields(sent)) {
    if (CHOICES.has(sent)) return { value: sent, allowed: null };
    throw body.wrong('tool_choice', 'expected `auto`, `none`, `required` or an object');
  }
  const choice = body.member('tool_choice')!;
  if (sent['type'] === 'function' || sent['type'] === 'custom') {
    return { value: { type: 'function', function: { name: chosenName(choice, names) } }, allowed: null };
  }
  if (sent['type'] !== 'allowed_tools') throw choice.wrong('type', 'expected `function`, `custom` or `allowed_tools`');
  return {
    value: sent['mode'] === 'required' ? 'required' : 'auto',
    allowed: new Set(choice.items('tools').flatMap((tool) => allowedNames(tool, names))),
  };
}

const chosenName = (choice: SentItem, names: ToolNames): string =>
  names.chosenName(choice.textOr('namespace', null), choice.text('name'));

/** Of one tool, or of all of a namespace. */
function allowedNames(tool: SentItem, names: ToolNames): readonly string[] {
  return tool.fields['type'] === 'namespace' ? names.chatNamesIn(tool.text('name')) : [chosenName(tool, names)];
}

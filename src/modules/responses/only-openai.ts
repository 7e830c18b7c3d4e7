import { isFields, ownField, type Fields } from '../../common/json/fields.js';

/** A field that asks for what only OpenAI's own servers can do. */
export interface OnlyOpenAi {
  /** `tools[0].type`. */
  readonly param: string;
  /** What it is, and what to do instead; without the path. */
  readonly message: string;
}

/** Items of the input that models of chat completions can be told of. */
const KNOWN_ITEMS: ReadonlySet<string> = new Set([
  ...['message', 'reasoning', 'function_call', 'function_call_output'],
  ...['custom_tool_call', 'custom_tool_call_output', 'item_reference'],
]);
const KNOWN_TOOLS: ReadonlySet<string> = new Set(['function', 'custom']);
/** Names a group of them; callers run those as well. */
const NAMESPACE = 'namespace';
const KNOWN_CHOICES: ReadonlySet<string> = new Set([...KNOWN_TOOLS, 'allowed_tools']);
/** Ids of OpenAI's: hexadecimal, which those made here are not. */
const OF_OPENAI = /^resp_[\da-f]{40,}$/;
const KEPT_FILE = 'files are not kept here; send what is in it as ';
const CURES: ReadonlyMap<string, string> = new Map([
  ['web_search', 'leave it out (in Codex: `web_search = "disabled"` in config.toml)'],
  ['local_shell', 'describe the shell as a function'],
  ['image_generation', 'leave it out (in Codex: disable the feature `image_generation` in config.toml)'],
  ['mcp', 'have your program call the MCP server, and list its tools as functions'],
]);

const ITEM_CURES: ReadonlyMap<string, string> = new Map([
  ['additional_tools', 'list the tools in `tools`, as Codex does for models whose name it does not know'],
]);

/**
 * The fields of a request that can only be done where OpenAI runs it: built-in tools and their items, stored files and
 * prompts, work in the background. In the order in which they stand; empty = any target can answer.
 */
export function onlyOpenAi(body: Fields): OnlyOpenAi[] {
  const found: OnlyOpenAi[] = [];
  if (body['background'] === true) {
    found.push({
      param: 'background',
      message: 'answers are not made in the background here; leave it out and stream',
    });
  }
  if (isFields(body['prompt'])) {
    found.push({ param: 'prompt', message: 'prompts are not stored here; send instructions and input' });
  }
  const previous = body['previous_response_id'];
  if (typeof previous === 'string' && OF_OPENAI.test(previous)) {
    found.push({
      param: 'previous_response_id',
      message: 'that response is not kept here; send its conversation as input',
    });
  }
  for (const [at, tool] of fieldsIn(body['tools'])) addTool(found, tool, `tools[${at}]`);
  const choice = body['tool_choice'];
  if (isFields(choice) && isOther(KNOWN_CHOICES, choice['type'])) {
    found.push({ param: 'tool_choice.type', message: 'only functions and custom tools can be chosen here' });
  }
  for (const [at, item] of fieldsIn(body['input'])) addItem(found, item, `input[${at}]`);
  return found;
}

function addTool(found: OnlyOpenAi[], { type, tools }: Fields, path: string): void {
  if (type === NAMESPACE) {
    for (const [at, tool] of fieldsIn(tools)) addTool(found, tool, `${path}.tools[${at}]`);
    return;
  }
  if (!isOther(KNOWN_TOOLS, type)) return;
  const cure = CURES.get(type.replace(/_preview.*$/, '')) ?? 'leave it out, or describe it as a function';
  found.push({ param: `${path}.type`, message: `only OpenAI runs the tool ${shown(type)}; ${cure}` });
}

function addItem(found: OnlyOpenAi[], item: Fields, path: string): void {
  const { type } = item;
  if (isOther(KNOWN_ITEMS, type)) {
    const cure = ITEM_CURES.get(type) ?? 'leave it out, or say it in a message';
    const message = `items ${shown(type)} belong to what only OpenAI runs; ${cure}`;
    found.push({ param: `${path}.type`, message });
    return;
  }
  for (const list of ['content', 'output'] as const) {
    for (const [at, part] of fieldsIn(item[list])) addPart(found, part, `${path}.${list}[${at}]`);
  }
}

function addPart(found: OnlyOpenAi[], part: Fields, path: string): void {
  if (isSaid(part, 'file_id')) {
    const instead = part['type'] === 'input_image' ? 'image_url' : 'file_data';
    found.push({ param: `${path}.file_id`, message: KEPT_FILE + instead });
  } else if (isSaid(part, 'file_url')) {
    found.push({ param: `${path}.file_url`, message: 'files are not fetched here; send what is in it as file_data' });
  }
}

/** What is of the wrong type is told by whoever reads it. */
const isOther = (known: ReadonlySet<string>, type: unknown): type is string =>
  typeof type === 'string' && !known.has(type);

const isSaid = (part: Fields, name: 'file_id' | 'file_url'): boolean => (ownField(part, name) ?? null) !== null;

const shown = (type: string): string => `\`${type.slice(0, 64)}\``;

function* fieldsIn(list: unknown): Generator<[number, Fields]> {
  if (!Array.isArray(list)) return;
  for (const [at, item] of (list as unknown[]).entries()) if (isFields(item)) yield [at, item];
}

import { createHash } from 'node:crypto';
import { isFields, type Fields } from '../../common/json/fields.js';

/** A tool of a request, as its caller knows it. */
export interface NamedTool {
  readonly name: string;
  /** `null` = it stands by itself. */
  readonly namespace: string | null;
  /** Whether its calls are no function calls. */
  readonly isCustom: boolean;
}

/** What every server takes as the name of a function. */
const VALID = /^[A-Za-z0-9_-]{1,64}$/;
const LONGEST = 64;
const STRANGE = /[^A-Za-z0-9_-]/g;
const HASH_LENGTH = 8;

/**
 * Under which names the tools of a request go to the model: chat completions have no namespaces, and names of 64 characters.
 * `get_weather` of the namespace `mcp__weather` is `mcp__weather__get_weather`; a name that servers would refuse, or that
 * another tool has, is cut and ends in a hash of what it stands for, so that it is the same in every request.
 */
export class ToolNames {
  private readonly tools = new Map<string, NamedTool>();
  private readonly chatNames = new Map<string, string>();

  /** @param tools of the request; what is no tool is passed over: whoever translates them tells of it */
  constructor(tools: unknown) {
    const all = toolsIn(tools);
    const isPlain = ({ name, namespace }: NamedTool): boolean => namespace === null && VALID.test(name);
    for (const tool of [...all.filter(isPlain), ...all.filter((tool) => !isPlain(tool))]) this.add(tool);
  }

  /** The name for the model, also of a tool that the request no longer has. */
  chatName(namespace: string | null, name: string): string {
    return this.chatNames.get(keyOf(namespace, name)) ?? wishedName(namespace, name);
  }

  /** The same where callers may leave the namespace out, as long as one tool alone has the name. */
  chosenName(namespace: string | null, name: string): string {
    if (namespace === null && !this.chatNames.has(keyOf(null, name))) {
      const named = [...this.tools].filter(([, tool]) => tool.name === name);
      if (named.length === 1) return named[0]![0];
    }
    return this.chatName(namespace, name);
  }

  /** Those of all tools of a namespace. */
  chatNamesIn(namespace: string): string[] {
    return [...this.tools].flatMap(([chatName, tool]) => (tool.namespace === namespace ? [chatName] : []));
  }

  /** What the model called; a name that no tool has is the model's own. */
  called(chatName: string): NamedTool {
    return this.tools.get(chatName) ?? { name: chatName, namespace: null, isCustom: false };
  }

  private add(tool: NamedTool): void {
    const { namespace, name } = tool;
    const key = keyOf(namespace, name);
    if (this.chatNames.has(key)) return;
    let chatName = wishedName(namespace, name);
    for (let n = 0; this.tools.has(chatName); n += 1) chatName = hashedName(namespace, name, `${n}`);
    this.tools.set(chatName, tool);
    this.chatNames.set(key, chatName);
  }
}

/** Neither part of a name can hold what stands between them. */
const keyOf = (namespace: string | null, name: string): string => JSON.stringify([namespace, name]);

function flatName(namespace: string | null, name: string): string {
  return namespace === null || name.startsWith(`${namespace}__`) ? name : `${namespace}__${name}`;
}

function wishedName(namespace: string | null, name: string): string {
  const flat = flatName(namespace, name);
  return VALID.test(flat) ? flat : hashedName(namespace, name, '');
}

function hashedName(namespace: string | null, name: string, salt: string): string {
  const hash = createHash('sha256').update(keyOf(namespace, name) + salt);
  const readable = flatName(namespace, name).replace(STRANGE, '_');
  return `${readable.slice(0, LONGEST - HASH_LENGTH - 1)}_${hash.digest('hex').slice(0, HASH_LENGTH)}`;
}

function toolsIn(tools: unknown): NamedTool[] {
  return fieldsOf(tools).flatMap((tool) =>
    tool['type'] === 'namespace' && typeof tool['name'] === 'string'
      ? namedTools(fieldsOf(tool['tools']), tool['name'])
      : namedTools([tool], null),
  );
}

const namedTools = (tools: readonly Fields[], namespace: string | null): NamedTool[] =>
  tools.flatMap(({ type, name }) =>
    typeof name === 'string' && name !== '' ? [{ name, namespace, isCustom: type === 'custom' }] : [],
  );

const fieldsOf = (list: unknown): Fields[] => (Array.isArray(list) ? (list as unknown[]).filter(isFields) : []);

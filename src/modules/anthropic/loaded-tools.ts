import type { Block } from './content-faults.js';
import type { CountTokensRequest, SentMessage } from './messages-request.schema.js';

type Tool = NonNullable<CountTokensRequest['tools']>[number];

/**
 * The tools that the model may see: those with `defer_loading` only once a `tool_reference` in a result has named them, or
 * where they must be called.
 *
 * @param chosen the tool that must be called
 * @see https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-search-tool
 */
export function loadedTools(tools: readonly Tool[], messages: readonly SentMessage[], chosen: string | null): Tool[] {
  if (!tools.some(isDeferred)) return [...tools];
  const named = referencesIn(messages);
  return tools.filter((tool) => !isDeferred(tool) || named.has(tool.name) || tool.name === chosen);
}

const isDeferred = ({ defer_loading: isLater }: Tool): boolean => isLater === true;

function referencesIn(messages: readonly SentMessage[]): ReadonlySet<unknown> {
  const results = messages.flatMap(({ content }) => blocksOf(content, 'tool_result'));
  const references = results.flatMap(({ content }) => blocksOf(content, 'tool_reference'));
  return new Set(references.map((block) => block['tool_name']));
}

const blocksOf = (content: unknown, type: string): Block[] =>
  Array.isArray(content) ? (content as Block[]).filter((block) => block.type === type) : [];

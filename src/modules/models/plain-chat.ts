import { partsOf, type ChatMessage, type ChatRequest } from '../../common/chat.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { ownerOf, reasoningOf } from '../../common/reasoning.js';
import type { Addressee } from './addressee.js';
import { isSameModel } from './model-names.js';

/** OpenAI's own, also those of a region (`eu.api.openai.com`). */
const OPENAI_HOST = /(^|\.)api\.openai\.com\.?$/;

export const isOpenAiHost = (baseUrl: string): boolean => OPENAI_HOST.test(URL.parse(baseUrl)?.hostname ?? '');

/** Whether the models are OpenAI's own: they take its newest fields, and refuse those of others. */
function isOpenAis({ provider, config }: Addressee): boolean {
  return provider === 'azure-openai' || isOpenAiHost(config.baseUrl ?? '');
}

/**
 * A request that was translated from another protocol, without what a server of OpenAI's protocol does not know: marks for
 * Anthropic's cache and thinking, an effort where nobody reasons, and at OpenAI itself `top_k`; at all others the limit of
 * the answer is `max_tokens`. Its messages are left to `plainMessage`.
 */
export function plainRequest(request: ChatRequest, target: Addressee): ChatRequest {
  const { cache_control: _, thinking: _t, output_config: _o, reasoning_effort: effort, ...known } = request;
  const { top_k: topK, tools, ...rest } = known;
  const { max_completion_tokens: limit, ...others } = rest;
  const own = isOpenAis(target);
  const reasons = target.capabilities.includes('reasoning') && effort !== undefined && effort !== null;
  return {
    ...(own ? rest : others),
    ...(!own && limit !== undefined && limit !== null ? { max_tokens: limit } : {}),
    ...(Array.isArray(tools) ? { tools: tools.map(unmarked) } : {}),
    ...(reasons ? { reasoning_effort: effort } : {}),
    ...(!own && topK !== undefined && topK !== null ? { top_k: topK } : {}),
  };
}

/**
 * A message of a translated request or of a stored turn, without what only Anthropic's models know. Reasoning that says whose
 * it is goes back to its own model alone, as text.
 *
 * @returns `null` where nothing is left of it; the message itself where nothing had to go
 */
export function plainMessage(message: ChatMessage, target: Addressee): ChatMessage | null {
  const bare = withPlainParts(unmarked(message) as ChatMessage);
  if (bare === null) return null;
  const { details } = reasoningOf(bare as Fields);
  if (!details.some((detail) => ownerOf(detail) !== null)) return bare;
  const { reasoning_details: _, ...rest } = bare;
  const own = details.filter((detail) => isOwned(ownerOf(detail), target));
  const text = own.map((detail) => detail.text ?? detail.summary ?? '').join('');
  return text === '' || isOpenAis(target) ? rest : { ...rest, reasoning_content: text };
}

/**
 * Texts alone as one text: several servers take no parts in messages of tools and of the system, and a caller that marks
 * another part for Anthropic's cache each time would spoil theirs.
 */
export function withOneText(message: ChatMessage): ChatMessage {
  const { content } = message;
  if (!Array.isArray(content) || content.length === 0 || !content.every(isBareText)) return message;
  return { ...message, content: content.map(({ text }) => text as string).join('\n\n') };
}

const isBareText = (part: unknown): boolean =>
  isFields(part) && part['type'] === 'text' && typeof part['text'] === 'string' && Object.keys(part).length === 2;

const isOwned = (owner: string | null, { model, upstreamModel }: Addressee): boolean =>
  owner !== null && (isSameModel(owner, model) || isSameModel(owner, upstreamModel));

function withPlainParts(message: ChatMessage): ChatMessage | null {
  if (!Array.isArray(message.content)) return message;
  const parts = partsOf(message);
  if (!parts.some((part) => part['cache_control'] !== undefined || part['anthropic_only'] === true)) return message;
  const content = parts.filter((part) => part['anthropic_only'] !== true).map((part) => unmarked(part) as typeof part);
  return content.length > 0 || message.role === 'assistant' ? { ...message, content } : null;
}

/** Without the mark for Anthropic's cache. */
function unmarked(value: unknown): unknown {
  if (!isFields(value) || value['cache_control'] === undefined) return value;
  const { cache_control: _, ...rest } = value;
  return rest;
}

import type { ChatMessage, ChatRequest } from '../../../common/chat.js';
import { isFields, ownField, type Fields } from '../../../common/json/fields.js';
import type { Addressee } from '../addressee.js';
import type { Block, Turn } from './anthropic-blocks.js';
import { thinksByBudget, thinksByEffort } from './claude-models.js';

/** The `format` of reasoning that Anthropic has signed. */
export const SIGNED_FORMAT = 'anthropic-claude-v1';

/** Tokens of thought. */
const BUDGETS: Readonly<Record<string, number>> = { minimal: 1_024, low: 2_048, medium: 8_192, high: 16_384 };
const LARGEST_BUDGET = 32_768;
/** The least that Anthropic takes. */
const LEAST_BUDGET = 1_024;
const DEFAULT_EFFORT = 'medium';
/** OpenAI's efforts and Anthropic's are the same words but for these. */
const EFFORTS: Readonly<Record<string, string>> = {
  ...{ minimal: 'low', low: 'low', medium: 'medium', high: 'high', xhigh: 'xhigh', max: 'max' },
};

/** What a request says about thinking. */
export interface Thinking {
  /** Anthropic's object; `null` = nothing is said. */
  readonly thinking: Fields | null;
  /** Of `output_config`. */
  readonly effort: string | null;
}

const NO_THINKING: Thinking = { thinking: null, effort: null };

/**
 * The thoughts of a message that the target's model had itself. A signature belongs to one model, and another one refuses
 * it: thoughts of others, and those of which nobody knows whose they are, stay behind.
 */
export function thinkingBlocks(message: ChatMessage, isOwn: (model: string) => boolean): Block[] {
  const details = message['reasoning_details'];
  if (!Array.isArray(details)) return [];
  return details.flatMap((detail: unknown): Block[] => {
    if (!isFields(detail) || detail['format'] !== SIGNED_FORMAT) return [];
    const { type, model, text, signature, data } = detail;
    if (typeof model !== 'string' || !isOwn(model)) return [];
    if (type === 'reasoning.encrypted' && typeof data === 'string') return [{ type: 'redacted_thinking', data }];
    if (typeof signature !== 'string' || signature === '') return [];
    return [{ type: 'thinking', thinking: typeof text === 'string' ? text : '', signature }];
  });
}

/**
 * How much a model shall think: as the caller says it (`thinking`, `reasoning_effort`), in the words that the model knows.
 * Nothing where the target has no capability `reasoning`, and no thinking where Anthropic would refuse it: with an answer
 * that has been begun, with a tool that must be called, in a loop of tools whose thoughts are not here.
 *
 * @param forced whether a tool must be called
 */
export function thinkingOf(
  request: ChatRequest,
  { capabilities, model }: Pick<Addressee, 'capabilities' | 'model'>,
  turns: readonly Turn[],
  maxTokens: number,
  forced: boolean,
): Thinking {
  if (!capabilities.includes('reasoning')) return NO_THINKING;
  const { reasoning_effort: asked, thinking: given } = request;
  const level = typeof asked === 'string' && asked !== 'none' ? asked : null;
  const effort = effortOf(request, level, model);
  const wanted = isFields(given) ? given : level === null ? null : { type: 'adaptive' };
  const thinking = wanted && spoken(wanted, level ?? DEFAULT_EFFORT, model, maxTokens);
  const mayThink = thinking === null || thinking['type'] === 'disabled' || (!forced && canThink(turns, thinking));
  return { thinking: mayThink ? thinking : null, effort };
}

/** Whoever says `thinking` in Anthropic's words says an effort in them, too; `reasoning_effort` is then only made of it. */
function effortOf(
  { thinking, output_config: output }: ChatRequest,
  level: string | null,
  model: string,
): string | null {
  const said = isFields(output) ? output['effort'] : isFields(thinking) ? null : level;
  if (typeof said !== 'string' || thinksByBudget(model)) return null;
  const effort = ownField(EFFORTS, said) ?? null;
  return effort === 'xhigh' && !thinksByEffort(model) ? 'high' : effort;
}

function spoken(wanted: Fields, level: string, model: string, maxTokens: number): Fields | null {
  const { type, display } = wanted;
  if (type === 'disabled') return thinksByEffort(model) ? null : wanted;
  if (thinksByBudget(model) && type !== 'enabled') return budgetOf(level, maxTokens);
  if (thinksByEffort(model) && type === 'enabled') return { type: 'adaptive', ...(display ? { display } : {}) };
  return wanted;
}

/** A budget must leave room for the answer. */
function budgetOf(level: string, maxTokens: number): Fields | null {
  const budget = Math.min(ownField(BUDGETS, level) ?? LARGEST_BUDGET, Math.floor(maxTokens / 2));
  return budget < LEAST_BUDGET ? null : { type: 'enabled', budget_tokens: budget };
}

function canThink(turns: readonly Turn[], { type }: Fields): boolean {
  if (turns.at(-1)?.role === 'assistant') return false;
  const latest = turns.findLast(({ role }) => role === 'assistant');
  const isInLoop = turns.at(-1)?.content.some((block) => block['type'] === 'tool_result') === true;
  if (type !== 'enabled' || !isInLoop || !latest) return true;
  return /^(redacted_)?thinking$/.test(String(latest.content[0]?.['type']));
}

import type { Completion } from '../../common/chat.js';
import type { CompletedChat } from '../chat/chat.messages.js';
import type { CachedAnswer } from './cache.messages.js';

/**
 * Reasons that mean the model said all it wanted. `length` is a cut answer, `content_filter` a censored one; unknown
 * reasons are not trusted.
 */
const COMPLETE: ReadonlySet<unknown> = new Set(['stop', 'tool_calls', 'function_call']);

/** Whether there is an answer, every choice of it came to a good end and nothing tells of an error. */
export function isComplete({ error, choices }: Completion): boolean {
  if (error || !choices?.length) return false;
  return choices.every(({ finish_reason }) => COMPLETE.has(finish_reason));
}

/** The answer of a finished request as it may be repeated, or `null` when it must not be. */
export function storableAnswer({ outcome, status, route, cache, usage }: CompletedChat): CachedAnswer | null {
  const { result, completion } = cache;
  const fresh = result === 'MISS' || result === 'BYPASS';
  if (outcome !== 'answered' || status !== 200 || !route || !fresh) return null;
  if (!completion || !isComplete(completion.json)) return null;
  const { target, tier, model, simulated } = route;
  return { completion, target, tier, model, simulated, usage };
}

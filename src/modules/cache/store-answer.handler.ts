import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import type { Completion } from '../../common/chat.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { sessionName } from '../../common/session-id.js';
import { ChatCompletedEvent, type CompletedChat } from '../chat/chat.messages.js';
import type { CachedAnswer } from './cache.messages.js';
import { MemoryAnswerCache } from './memory-answer-cache.js';

/**
 * Reasons that mean the model said all it wanted. `length` is a cut answer, `content_filter` a censored one; unknown
 * reasons are not trusted.
 */
const COMPLETE: ReadonlySet<unknown> = new Set(['stop', 'tool_calls', 'function_call']);

/** Keeps complete, successful answers; a `no-cache` request replaces what was kept. */
@EventsHandler(ChatCompletedEvent)
export class StoreAnswerHandler implements IEventHandler<ChatCompletedEvent> {
  constructor(
    private readonly config: LiveConfig,
    private readonly answers: MemoryAnswerCache,
  ) {}

  handle({ chat }: ChatCompletedEvent): void {
    const { enabled, ttlSeconds } = this.config.current.cache;
    const { cache, caller, sessionId, timing } = chat;
    if (!enabled || cache.key === null) return;
    const answer = storableAnswer(chat);
    if (!answer) return;
    const session = sessionId === null ? null : sessionName({ tenant: caller.tenant, sessionId });
    this.answers.set(cache.key, answer, ttlSeconds, session, performance.now() - timing.totalMs);
  }
}

/** The answer of a finished request as it may be repeated, or `null` when it must not be. */
function storableAnswer({ outcome, status, route, cache, completion, usage }: CompletedChat): CachedAnswer | null {
  const { result } = cache;
  const fresh = result === 'MISS' || result === 'BYPASS';
  if (outcome !== 'answered' || status !== 200 || !route || !fresh) return null;
  if (!completion || !isComplete(completion.json)) return null;
  const { target, tier, model, simulated } = route;
  return { completion, target, tier, model, simulated, usage };
}

/** Whether there is an answer, every choice of it came to a good end and nothing tells of an error. */
function isComplete({ error, choices }: Completion): boolean {
  if (error || !choices?.length) return false;
  return choices.every(({ finish_reason }) => COMPLETE.has(finish_reason));
}

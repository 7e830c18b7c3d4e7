import { LOOPBACK_CALLER } from '../../common/caller.js';
import { NO_LEASE } from '../quota/quota.messages.js';
import { ChatCompletedEvent, type CompletedChat } from '../chat/chat.messages.js';

/** A streamed request that was answered well, for specs; `changes` replace fields. */
export function completedChat(changes: Partial<CompletedChat> = {}): CompletedChat {
  return {
    outcome: 'answered',
    requestId: 'r1',
    caller: { ...LOOPBACK_CALLER, tenant: 'acme', user: 'alice' },
    requestedModel: 'auto',
    status: 200,
    errorCode: null,
    route: {
      target: 'cloud',
      tier: 'cloud',
      model: 'gpt-x-2026',
      simulated: false,
      strategy: 'hybrid',
      reasonCode: 'rule_complex',
      fallback: false,
      recovered: false,
    },
    usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
    costUsd: 0.5,
    billed: { tokens: 30, usd: 0.5 },
    attempts: [{ target: 'cloud', startedAt: 0, outcome: 'ok', status: 200, ms: 250 }],
    timing: { totalMs: 1500, overheadMs: 0.4, firstTokenMs: 250 },
    lease: NO_LEASE,
    completion: null,
    persisted: null,
    cache: { result: 'MISS', bypass: null, isRenewal: false, savedUsd: 0, savedMs: 0 },
    decision: null,
    pays: true,
    stream: true,
    sessionId: null,
    trace: null,
    joined: null,
    asked: null,
    ...changes,
  };
}

/** The same as the event that tells of it. */
export const completed = (changes: Partial<CompletedChat> = {}): ChatCompletedEvent =>
  new ChatCompletedEvent(completedChat(changes));

import { shownAttempt } from '../../common/attempt.js';
import { sessionMark } from '../../common/logging/outside-text.js';
import { loggedChat } from './logged-chat.js';
import type { CompletedChat } from '../chat/chat.messages.js';

/** Milliseconds with two decimals: what a person reads and a log store indexes. */
export const rounded = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 100) / 100);

/** How loud the line of a request is: our own defects at error, other 5xx at warn, the rest at info. */
export function levelOf({ status, errorCode }: CompletedChat): 'log' | 'warn' | 'error' {
  if (errorCode === 'internal_error') return 'error';
  return status >= 500 ? 'warn' : 'log';
}

/**
 * The one log line of a request. No address; no prompt and no answer, unless its tenant wants them (`logContent`). `tenant` and `user` are the names an operator gave
 * to a credential, so they stand as they are.
 *
 * @param requested the name asked for
 * @param answered that of the model that answered; both as they may be shown
 */
export function requestLine(chat: CompletedChat, requested: string, answered: string | null): Record<string, unknown> {
  const { route, usage, timing } = chat;
  const failed = chat.attempts.filter(({ outcome }) => outcome !== 'ok').map(shownAttempt);
  return {
    request_id: chat.requestId,
    ...(chat.trace?.isRecorded ? { trace_id: chat.trace.recordedId } : {}),
    tenant: chat.caller.tenant,
    user: chat.caller.user,
    model: requested,
    target: route?.target ?? null,
    tier: route?.tier ?? null,
    target_model: answered,
    simulated: route?.simulated ?? false,
    strategy: route?.strategy ?? null,
    reason: route?.reasonCode ?? null,
    outcome: chat.outcome,
    status: chat.status,
    error_code: chat.errorCode,
    attempts: chat.attempts.length,
    ...(failed.length > 0 ? { failed_attempts: failed } : {}),
    fallback: route?.fallback ?? false,
    cache: chat.cache.result,
    ...(chat.cache.isRenewal ? { renewal: true } : {}),
    ...(chat.cache.savedUsd > 0 ? { saved_usd: chat.cache.savedUsd } : {}),
    stream: chat.stream,
    prompt_tokens: usage?.prompt_tokens ?? null,
    completion_tokens: usage?.completion_tokens ?? null,
    ...(usage?.estimated ? { estimated: true } : {}),
    cost_usd: chat.costUsd,
    total_ms: rounded(timing.totalMs),
    overhead_ms: rounded(timing.overheadMs),
    ttft_ms: rounded(timing.firstTokenMs),
    session: chat.sessionId === null ? null : sessionMark(chat.sessionId),
    ...(chat.asked === null ? {} : { content: loggedChat(chat.asked, chat.completion) }),
  };
}

import { shownAttempt } from '../../common/attempt.js';
import { textOf, type ChatRequest } from '../../common/chat.js';
import { fitConversation } from '../../common/conversation.js';
import type { CacheResult } from '../cache/cache.messages.js';
import type { RouteDecision } from '../router/router.messages.js';
import type { ChatExchange } from './chat-exchange.js';
import type { ChatEnd } from './chat.messages.js';
import type { QueryRequest } from './chat-request.schema.js';

/** A question as a chat request. */
export function chatRequestOf({ query, model, max_tokens }: QueryRequest): ChatRequest {
  const limit = typeof max_tokens === 'number' ? { max_tokens } : {};
  return { model: model ?? 'auto', messages: [{ role: 'user', content: query }], ...limit };
}

/** Why there was nothing to decide. */
const REASONS: Partial<Record<CacheResult, string>> = {
  HIT: 'The same question was answered before; this is that answer.',
  STALE: 'The same question was answered before; this is that answer, which is being renewed.',
  SHARED: 'The same question was being answered for somebody else; this is that answer.',
};

/** The body of `POST /query`: the answer's text, and everything there is to know about how it came about. */
export function queryAnswer(exchange: ChatExchange, end: ChatEnd, at: Date) {
  const { route, completion, usage, persisted, costUsd } = end;
  const { decision, attempts } = exchange;
  const { ask, lookup } = exchange.facts;
  const message = completion?.json.choices?.[0]?.message;
  const turns = turnsUsed(exchange);
  return {
    response: message ? textOf({ role: 'assistant', ...message }) : '',
    source: route?.tier,
    responseTime: Number((exchange.elapsedMs / 1000).toFixed(4)),
    metadata: {
      request_id: ask.requestId,
      timestamp: at.toISOString(),
      strategy: route?.strategy,
      target: route?.target,
      tier: route?.tier,
      model: route?.model,
      simulated: route?.simulated,
      score: decision?.score ?? null,
      confidence: decision?.explanation?.confidence ?? null,
      reason: decision?.explanation?.reason ?? REASONS[lookup.result],
      reason_code: route?.reasonCode,
      session_id: ask.sessionId,
      context_used: turns > 0,
      context_turns: turns,
      cached: decision === null,
      persisted: persisted ?? false,
      fallback: route?.fallback,
      attempts: attempts.map((attempt) => ({ ...shownAttempt(attempt), ms: Math.round(attempt.ms) })),
      usage: usage && {
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
        total_tokens: usage.total_tokens,
        ...(usage.estimated ? { estimated: true } : {}),
      },
      cost_usd: costUsd,
    },
  };
}

/** How many stored turns went to the model that answered; those that did not fit its window were left out. */
function turnsUsed({ facts, contextWindow }: ChatExchange): number {
  const { ask, conversation } = facts;
  return fitConversation(conversation.turns, ask.request, contextWindow).turnsUsed;
}

/** The decision record of `POST /v1/route` (DESIGN section 4). */
export function decisionJson(decision: RouteDecision) {
  const { strategy, target, candidates, escalation, excluded, score, threshold, explanation } = decision;
  const ids = (targets: RouteDecision['candidates']) => targets.map(({ id }) => id);
  return {
    strategy,
    target: target.id,
    tier: target.tier,
    simulated: target.simulated,
    candidates: ids(candidates),
    excluded,
    score,
    threshold,
    confidence: explanation?.confidence,
    reason: explanation?.reason,
    ...(escalation.length > 0 ? { escalation: ids(escalation) } : {}),
    reason_code: decision.reasonCode,
    rules: explanation?.rules,
    features: explanation?.features,
    policy_version: decision.policyVersion,
    took_us: Math.round(decision.tookUs * 10) / 10,
  };
}

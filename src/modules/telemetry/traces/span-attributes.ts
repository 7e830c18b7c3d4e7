import type { Attributes } from '@opentelemetry/api';
import type { Attempt } from '../../../common/attempt.js';
import { sessionMark } from '../../../common/logging/outside-text.js';
import type { AttemptTrace } from '../../../common/tracing/attempt-trace.js';
import type { CompletedChat } from '../../chat/chat.messages.js';
import { GEN_AI, operationOf, PROVIDER_NAMES, type Operation } from '../genai-names.js';

const OK = 200;

/** Names of OpenTelemetry's HTTP conventions. @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
const HTTP = {
  method: 'http.request.method',
  route: 'http.route',
  status: 'http.response.status_code',
  scheme: 'url.scheme',
} as const;

/** Of an incoming request; model routes are all `POST`, and TLS ends in front of the service. */
export function httpAttributes(route: string | null, status: number): Attributes {
  const attributes: Attributes = { [HTTP.method]: 'POST', [HTTP.scheme]: 'http', [HTTP.status]: status };
  if (route !== null) attributes[HTTP.route] = route;
  return attributes;
}

/**
 * Of one request: names of the configuration, codes and numbers.
 *
 * @param requested the name asked for
 * @param answered that of the model that answered; both as they may be shown
 */
export function requestAttributes(chat: CompletedChat, requested: string, answered: string | null): Attributes {
  const { route, usage, costUsd, cache, decision, sessionId, timing } = chat;
  const attributes = httpAttributes(chat.trace?.place.route ?? null, chat.status);
  attributes[GEN_AI.operation] = operationOf(chat);
  attributes[GEN_AI.requestModel] = requested;
  if (answered !== null) attributes[GEN_AI.responseModel] = answered;
  const { prompt_tokens: prompt, completion_tokens: completion } = usage ?? {};
  if (typeof prompt === 'number') attributes[GEN_AI.inputTokens] = prompt; // what a server says it counted need not be one
  if (typeof completion === 'number') attributes[GEN_AI.outputTokens] = completion;
  attributes['router.request_id'] = chat.requestId;
  attributes['router.outcome'] = chat.outcome;
  attributes['router.stream'] = chat.stream;
  if (cache.result !== null) attributes['router.cache'] = cache.result;
  if (cache.savedUsd > 0) attributes['router.saved_usd'] = cache.savedUsd;
  if (costUsd !== null) attributes['router.cost_usd'] = costUsd;
  attributes['router.attempts'] = chat.attempts.length;
  attributes['router.overhead_ms'] = timing.overheadMs;
  addDecision(attributes, decision);
  if (route) {
    attributes['router.target'] = route.target;
    attributes['router.tier'] = route.tier;
    attributes['router.strategy'] = route.strategy;
    attributes['router.reason'] = route.reasonCode;
    attributes['router.fallback'] = route.fallback;
    attributes['router.recovered'] = route.recovered;
  }
  if (sessionId !== null) attributes['session.id'] = sessionMark(sessionId); // Azure Monitor has a field for it
  return attributes;
}

function addDecision(attributes: Attributes, decision: CompletedChat['decision']): void {
  if (!decision) return;
  attributes['router.strategy'] = decision.strategy;
  attributes['router.reason'] = decision.reasonCode;
  attributes['router.policy_version'] = decision.policyVersion;
  if (decision.score !== null) attributes['router.score'] = decision.score;
  if (decision.threshold !== null) attributes['router.threshold'] = decision.threshold;
}

/**
 * Of one call of a model server. Where it is goes to nobody; `peer.service` is what Azure Monitor shows as the target of a
 * dependency.
 *
 * @param number of the call among those of its request, from 1
 * @param model of the target, as it may be shown
 * @param operation of the request
 */
export function attemptAttributes(
  { target, outcome, status }: Attempt,
  { kind, target: { provider, tier, simulated } }: AttemptTrace,
  number: number,
  model: string,
  operation: Operation,
): Attributes {
  const attributes: Attributes = {
    [GEN_AI.operation]: operation,
    [GEN_AI.provider]: PROVIDER_NAMES[provider],
    [GEN_AI.requestModel]: model,
    'peer.service': target,
    'router.target': target,
    'router.tier': tier,
    'router.attempt.kind': kind,
    'router.attempt.number': number,
    'router.outcome': outcome,
  };
  if (!simulated) attributes[HTTP.method] = 'POST';
  const told = status ?? (outcome === 'ok' && !simulated ? OK : undefined);
  if (told !== undefined) attributes[HTTP.status] = told;
  return attributes;
}

import type { RouteDecision } from '../router/router.messages.js';

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
    took_us: decision.tookUs,
  };
}

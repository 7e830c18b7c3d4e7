import type { RouteDecision } from '../router/router.messages.js';

/** The decision record of `POST /v1/route` (DESIGN section 4). */
export function decisionJson(decision: RouteDecision) {
  const { strategy, target, tier, simulated, candidates, excluded, score, threshold, reason } = decision;
  const { rules, features, escalation } = decision;
  return {
    ...{
      strategy,
      target,
      tier,
      simulated,
      candidates,
      excluded,
      score,
      threshold,
      confidence: decision.confidence,
      reason,
    },
    ...(escalation.length > 0 ? { escalation } : {}),
    reason_code: decision.reasonCode,
    rules,
    features,
    policy_version: decision.policyVersion,
    took_us: decision.tookUs,
  };
}

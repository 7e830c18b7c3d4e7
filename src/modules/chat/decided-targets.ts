import type { TargetStatus } from '../../common/target.js';
import type { RouteDecision } from '../router/router.messages.js';

/** The targets of a decision, held from then on: a reload does not change what a request may use. */
export interface DecidedTargets {
  readonly candidates: readonly TargetStatus[];
  readonly escalation: readonly TargetStatus[];
  /** Those that could take the request but are down now: another time they may. */
  readonly down: readonly TargetStatus[];
}

const DOWN = new Set(['breaker_open', 'drained']);

/** @param targets all of them, as they are at the moment of the decision */
export function decidedTargets(decision: RouteDecision, targets: readonly TargetStatus[]): DecidedTargets {
  const { candidates, escalation, excluded } = decision;
  const named = (ids: readonly string[]) => ids.flatMap((id) => targets.find((target) => target.id === id) ?? []);
  const down = excluded.filter(({ why }) => DOWN.has(why)).map(({ target }) => target);
  return { candidates: named(candidates), escalation: named(escalation), down: named(down) };
}

import type { TargetStatus } from '../../common/target.js';
import type { RouteDecision } from '../router/router.messages.js';

/** The targets of a decision, held from then on: a reload does not change what a request may use. */
export interface DecidedTargets {
  readonly candidates: readonly TargetStatus[];
  readonly escalation: readonly TargetStatus[];
  /** Those that could take the request but are down now: another time they may. */
  readonly down: readonly TargetStatus[];
}

const NONE: readonly string[] = [];
const NO_TARGETS: readonly TargetStatus[] = [];
const DOWN = new Set(['breaker_open', 'drained']);

/** @param targets all of them, as they are at the moment of the decision */
export function decidedTargets(decision: RouteDecision, targets: readonly TargetStatus[]): DecidedTargets {
  const { candidates, escalation, excluded } = decision;
  const down = excluded.length === 0 ? NONE : excluded.filter(({ why }) => DOWN.has(why)).map(({ target }) => target);
  return { candidates: named(candidates, targets), escalation: named(escalation, targets), down: named(down, targets) };
}

function named(ids: readonly string[], targets: readonly TargetStatus[]): readonly TargetStatus[] {
  if (ids.length === 0) return NO_TARGETS;
  const found: TargetStatus[] = [];
  for (const id of ids) {
    const target = targets.find((one) => one.id === id);
    if (target) found.push(target);
  }
  return found;
}

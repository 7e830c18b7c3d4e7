import { InvalidRequest } from '../../common/app-error.js';
import { STRATEGIES, type RouterConfig, type Strategy } from '../../common/config/config.schema.js';
import { ratesOf } from '../../common/cost.js';
import type { Price } from '../../common/prices/price.js';
import type { TargetStatus } from '../../common/target.js';
import { usesArtefact } from './assessment.js';
import { allowedTargets, type AllowedTargets, type ConstraintInput } from './constraints/allowed-targets.js';
import { namedTargets } from '../../common/named-targets.js';
import { chooseTarget, type Choice, type ChoiceInput, type ShareVote } from './route-choice.js';
import { firstThenRest } from './route-strategies.js';
import type { DecisionEvidence, RouteDecision } from './router.messages.js';
import { POLICY_VERSION } from './rules/routing-rules.js';

type FromChoice = 'tenant' | 'previousTarget' | 'conversation' | 'scorer' | 'shares' | 'explain';

/** All that a decision depends on. */
export interface RouteInput extends ConstraintInput, Pick<ChoiceInput, FromChoice> {
  /** The caller's; `null` = the model's own. */
  readonly strategy: string | null;
  readonly config: Pick<RouterConfig, 'models' | 'privacy' | 'tenants'>;
  /** All targets in configured order. */
  readonly targets: readonly TargetStatus[];
  /** Whether the decision is acted on. */
  readonly live: boolean;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** A decision, and what it leaves behind when it is acted on. */
export interface Decided {
  readonly decision: RouteDecision;
  /** What it counts for in the strong share; `null` when there was nothing to choose. */
  readonly vote: ShareVote | null;
}

/**
 * Chooses the target of a request and the order of fallbacks: constraints, stickiness, strategy, warm state, threshold
 * (DESIGN section 6). Pure: the same input gives the same decision, whatever was decided before.
 *
 * @throws see `DecideRouteCommand`
 */
export function decideRoute(input: RouteInput): Decided {
  const startedMs = input.now();
  const requested = input.strategy === null ? null : knownStrategy(input.strategy);
  const { model, targets } = namedTargets(input.request.model, input.targets, input.config, input.tenant);
  const constraints = allowedTargets(targets, input);
  const { allowed, keptLocal } = constraints;
  const choice = model
    ? chooseTarget({ ...input, model, strategy: requested ?? model.strategy, targets, allowed, keptLocal })
    : explicitChoice(allowed[0]!, requested);
  const decision = decisionOf(choice, constraints, input, startedMs);
  return { decision, vote: choice.vote };
}

/** @throws InvalidRequest for a strategy that does not exist */
function knownStrategy(name: string): Strategy {
  const strategy = STRATEGIES.find((known) => known === name);
  if (strategy) return strategy;
  throw new InvalidRequest(`Unknown strategy (x-router-strategy). Use one of: ${STRATEGIES.join(', ')}.`, 'strategy');
}

/** A target that the caller named: the strategy had nothing to decide. */
const explicitChoice = (target: TargetStatus, requested: Strategy | null): Choice => ({
  strategy: requested ?? 'priority',
  target,
  order: [target],
  strong: [],
  escalation: [],
  assessment: null,
  vote: null,
  reason: 'The request names this target.',
  reasonCode: 'explicit_target',
});

/** Of the rules and the artefact. */
export const wholePolicyVersion = ({ artefact }: RouteInput['scorer']): string =>
  `${POLICY_VERSION}+${artefact.version}`;

function decisionOf(
  choice: Choice,
  { excluded, down }: AllowedTargets,
  input: RouteInput,
  startedMs: number,
): RouteDecision {
  const { explain, live, scorer, now } = input;
  const { assessment, strategy, target, escalation, reason, reasonCode } = choice;
  const explained = assessment?.explanation ?? { confidence: null, rules: [], features: {} };
  return {
    strategy,
    target,
    candidates: firstThenRest(target, choice.order),
    escalation,
    down,
    excluded,
    score: assessment?.score ?? null,
    threshold: assessment?.threshold ?? null,
    reasonCode,
    policyVersion: usesArtefact(strategy) ? wholePolicyVersion(scorer) : POLICY_VERSION,
    evidence: live ? evidenceOf(choice, input) : null,
    explanation: explain ? { ...explained, reason } : null,
    tookUs: (now() - startedMs) * 1000,
  };
}

/** Of a short prompt and its answer: what a record compares by. */
function pairOf(price: Price | null): Price | null {
  if (!price) return null;
  const { input, output } = ratesOf(price, 0);
  return { input, output };
}

function evidenceOf({ assessment, target, order, strong }: Choice, { scorer }: RouteInput): DecisionEvidence | null {
  if (!assessment || assessment.learnedScore === null) return null;
  const priceOf = (side: boolean) => pairOf(order.find(({ id }) => strong.includes(id) === side)?.price ?? null);
  return {
    learned_score: assessment.learnedScore,
    strong: strong.includes(target.id),
    columns: scorer.columns.slice(), // the next decision overwrites them
    weak_price: priceOf(false),
    strong_price: priceOf(true),
  };
}

import { InvalidRequest } from '../../common/app-error.js';
import { STRATEGIES, type RouterConfig, type Strategy } from '../../common/config/config.schema.js';
import { ratesOf } from '../../common/cost.js';
import type { Price } from '../../common/prices/price.js';
import type { TargetStatus } from '../../common/target.js';
import { usesArtefact } from './assessment.js';
import { allowedTargets, type AllowedTargets, type ConstraintInput } from './constraints/allowed-targets.js';
import { namedTargets } from './constraints/named-targets.js';
import { chooseTarget, type Choice, type ChoiceInput, type ShareVote } from './route-choice.js';
import { firstThenRest } from './route-strategies.js';
import type { RouteDecision } from './router.messages.js';
import { POLICY_VERSION } from './rules/routing-rules.js';

type FromChoice = 'tenant' | 'previousTarget' | 'conversation' | 'scorer' | 'shares' | 'explain';

/** All that a decision depends on. */
export interface RouteInput extends ConstraintInput, Pick<ChoiceInput, FromChoice> {
  /** The caller's; `null` = the model's own. */
  readonly strategy: string | null;
  readonly config: Pick<RouterConfig, 'models' | 'privacy' | 'tenants'>;
  /** All targets in configured order. */
  readonly targets: readonly TargetStatus[];
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** Numbers of a decision that are written down for a replay or a training: no text. Prices are those of each side's first free target. */
export interface DecisionEvidence {
  /** Score of the artefact alone. */
  readonly learned_score: number;
  /** Whether the strong side was chosen. */
  readonly strong: boolean;
  /** Input of the artefact's trees, by `columnCount` of its version; overwritten by the next decision. */
  readonly columns: Float32Array;
  readonly weak_price: Price | null;
  readonly strong_price: Price | null;
}

/** A decision, and what it leaves behind when it is acted on. */
export interface Decided {
  readonly decision: RouteDecision;
  /** `null` for strategies without the artefact. */
  readonly evidence: DecisionEvidence | null;
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
  return { decision, evidence: evidenceOf(choice, input), vote: choice.vote };
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
  { explain, scorer, now }: RouteInput,
  startedMs: number,
): RouteDecision {
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
    columns: scorer.columns,
    weak_price: priceOf(false),
    strong_price: priceOf(true),
  };
}

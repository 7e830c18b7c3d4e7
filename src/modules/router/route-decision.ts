import { InvalidRequest, ModelNotAllowed, ModelNotFound, NoTargetAvailable } from '../../common/app-error.js';
import type { ChatRequest } from '../../common/chat.js';
import type { ModelConfig, RouterConfig, Strategy } from '../../common/config/config.schema.js';
import { STRATEGIES } from '../../common/config/config.schema.js';
import type { HistoryTurn } from '../../common/conversation.js';
import type { Price, TargetStatus } from '../../common/target.js';
import { TenantTargets } from '../../common/tenant-targets.js';
import { usesArtefact } from './assessment.js';
import type { LearnedScorer } from './learned/learned-scorer.js';
import type { ShareControl } from './learned/share-control.js';
import type { Choice, ChoiceInput, ShareVote } from './route-choice.js';
import { chooseTarget } from './route-choice.js';
import { firstThenRest, strongSideOf } from './route-strategies.js';
import type { RouteDecision } from './router.messages.js';
import { POLICY_VERSION } from './routing-rules.js';
import type { AllowedTargets } from './target-constraints.js';
import { allowedTargets } from './target-constraints.js';

/** Names shown when a model is not found. */
const NAMES_SHOWN = 8;

/** All that a decision depends on. */
export interface RouteInput {
  readonly request: ChatRequest;
  readonly history: readonly HistoryTurn[];
  /** The caller's; `null` = the model's own. */
  readonly strategy: string | null;
  readonly previousTarget: string | null;
  /** Of the caller; its allowed targets may be configured. */
  readonly tenant: string;
  /** The caller's budget must be able to count the answer (`limits.unpriced: refuse`). */
  readonly onlyPriced: boolean;
  readonly config: Pick<RouterConfig, 'models' | 'privacy' | 'resilience' | 'tenants'>;
  /** All targets in configured order. */
  readonly targets: readonly TargetStatus[];
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** 0 to 1, exclusive of 1. */
  readonly random: () => number;
  readonly scorer: LearnedScorer;
  /** The thresholds that live decisions have come to; only read. */
  readonly shares: Pick<ShareControl, 'thresholdOf'>;
  /** `conversationKey` where a tool may be called and no session keeps the target; else `null`. */
  readonly conversation: string | null;
  /** Whether somebody reads why. */
  readonly explain: boolean;
}

/** Numbers of a decision that are written down for a replay or a training: no text. Prices are those of each side's first free target. */
export interface DecisionEvidence {
  /** Score of the artefact alone. */
  readonly learned_score: number;
  /** Whether the strong side was chosen. */
  readonly strong: boolean;
  /** Input of the artefact's trees, by `columnCount` of its version. */
  readonly columns: readonly number[] | null;
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
 * (DESIGN section 6).
 *
 * @throws see `DecideRouteCommand`
 */
export function decideRoute(input: RouteInput): Decided {
  const startedMs = input.now();
  const requested = input.strategy === null ? null : knownStrategy(input.strategy);
  const model = input.config.models.find(({ name }) => name === input.request.model);
  const own = new TenantTargets(input.config, input.tenant);
  // what the tenant may not use is not there: no later step, and so no answer, can name it
  const candidates = model && own.reaches(model) ? targetsOf(model, own.of(input.targets)) : [namedTarget(input, own)];
  const { request, history, config, onlyPriced, random } = input;
  const constraints = allowedTargets(candidates, request, history, config, onlyPriced, random());
  const choice = model
    ? chooseTarget(choiceInput(input, model, requested, candidates, constraints))
    : explicitChoice(constraints.allowed[0]!, requested);
  const evidence = model ? evidenceOf(choice, model, candidates) : null;
  return {
    decision: { ...decided(choice, constraints, input), tookUs: (input.now() - startedMs) * 1000 },
    evidence,
    vote: choice.vote ?? null,
  };
}

/** @throws InvalidRequest for a strategy that does not exist */
function knownStrategy(name: string): Strategy {
  const strategy = STRATEGIES.find((known) => known === name);
  if (strategy) return strategy;
  throw new InvalidRequest(`Unknown strategy. Use one of: ${STRATEGIES.join(', ')}.`, 'strategy');
}

/** The targets of a model in its own order; one that a reload has just removed is left out. */
function targetsOf(model: ModelConfig, targets: readonly TargetStatus[]): TargetStatus[] {
  const found = model.targets.flatMap((id) => targets.find((target) => target.id === id) ?? []);
  if (found.length > 0) return found;
  throw new NoTargetAvailable(`Model ${model.name} has no target at the moment.`, 1);
}

/** @throws ModelNotAllowed for a tenant with targets of its own, whether the name exists elsewhere or not; ModelNotFound */
function namedTarget({ request, config, targets }: RouteInput, own: TenantTargets): TargetStatus {
  const usable = own.of(targets);
  const target = usable.find(({ id }) => id === request.model);
  if (target) return target;
  const models = config.models.filter((model) => own.reaches(model));
  const names = [...models, ...usable].map((entry) => ('name' in entry ? entry.name : entry.id));
  const more = names.length > NAMES_SHOWN ? ', ... (GET /v1/models lists all)' : '';
  const known = `${names.slice(0, NAMES_SHOWN).join(', ')}${more}`;
  if (own.isLimited) {
    throw new ModelNotAllowed(
      `There is no model of that name that your tenant may use. It may use: ${known}.`,
      'model',
    );
  }
  throw new ModelNotFound(`There is no model or target of that name. Known: ${known}.`, 'model');
}

const choiceInput = (
  input: RouteInput,
  model: ModelConfig,
  requested: Strategy | null,
  targets: readonly TargetStatus[],
  { allowed, keptLocal }: AllowedTargets,
): ChoiceInput => ({ ...input, model, strategy: requested ?? model.strategy, targets, allowed, keptLocal });

/** A target that the caller named: the strategy had nothing to decide. */
const explicitChoice = (target: TargetStatus, requested: Strategy | null): Choice => ({
  strategy: requested ?? 'priority',
  target,
  order: [target],
  assessment: null,
  reason: 'The request names this target.',
  reasonCode: 'explicit_target',
});

function decided(
  choice: Choice,
  { excluded, down }: AllowedTargets,
  { scorer, explain }: RouteInput,
): Omit<RouteDecision, 'tookUs'> {
  const { assessment, strategy, target, reason, reasonCode } = choice;
  return {
    strategy,
    target,
    candidates: firstThenRest(target, choice.order),
    escalation: choice.escalation ?? [],
    down,
    excluded,
    score: assessment?.score ?? null,
    threshold: assessment?.threshold ?? null,
    reasonCode,
    policyVersion: usesArtefact(strategy) ? `${POLICY_VERSION}+${scorer.artefact.version}` : POLICY_VERSION,
    explanation: explain
      ? {
          confidence: assessment?.confidence ?? null,
          reason,
          rules: assessment?.rules ?? [],
          features: assessment?.features ?? {},
        }
      : null,
  };
}

function evidenceOf(
  { assessment, target, order }: Choice,
  model: ModelConfig,
  targets: readonly TargetStatus[],
): DecisionEvidence | null {
  if (!assessment || assessment.learnedScore === null) return null;
  const strong = strongSideOf(model, targets);
  const priceOf = (side: boolean) => order.find(({ id }) => strong.has(id) === side)?.price ?? null;
  return {
    ...{ learned_score: assessment.learnedScore, strong: strong.has(target.id), columns: assessment.columns },
    ...{ weak_price: priceOf(false), strong_price: priceOf(true) },
  };
}

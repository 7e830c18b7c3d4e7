import type { ChatRequest } from '../../common/chat.js';
import type { ModelConfig, Strategy } from '../../common/config/config.schema.js';
import type { HistoryTurn } from '../../common/conversation.js';
import { mayHaveToLoad, type TargetStatus } from '../../common/target.js';
import { estimateTokens, tokensAskedFor } from '../../common/token-estimate.js';
import type { LearnedScorer } from './learned/learned-scorer.js';
import type { ShareControl, ShareOf } from './learned/share-control.js';
import type { Assessment } from './assessment.js';
import { assess, scores, shareOf, usesArtefact } from './assessment.js';
import { byCost, byLatency, byWeight, byWeightAndDraw, firstThenRest, strongSideOf } from './route-strategies.js';
import type { ReasonCode } from './router.messages.js';
import { drawOf, isToolCallOpen } from './tool-loop.js';

/** A conversation changes sides only when the score is this far past the threshold. */
export const SWITCH_MARGIN = 0.15;
/** `cascade`: this near to the threshold the cheap side is asked first. */
const UNCERTAIN = 0.25;
/** What an answer takes when nobody said, tokens; for comparing costs. */
const EXPECTED_ANSWER_TOKENS = 400;

export interface ChoiceInput {
  readonly tenant: string;
  readonly request: ChatRequest;
  readonly history: readonly HistoryTurn[];
  readonly model: ModelConfig;
  readonly strategy: Strategy;
  readonly previousTarget: string | null;
  /** Every target of the model. */
  readonly targets: readonly TargetStatus[];
  /** Those that the constraints leave, in configured order; at least one. */
  readonly allowed: readonly TargetStatus[];
  /** Whether private text took out a cloud target. */
  readonly keptLocal: boolean;
  readonly random: () => number;
  /** `conversationKey` where a tool may be called and no session keeps the target; else `null`. */
  readonly conversation: string | null;
  readonly scorer: LearnedScorer;
  readonly shares: Pick<ShareControl, 'thresholdOf'>;
}

/** The side a decision was free to choose, for the share it counts for. */
export interface ShareVote {
  readonly of: ShareOf;
  readonly strong: boolean;
}

export interface Choice {
  readonly strategy: Strategy;
  readonly target: TargetStatus;
  /** The targets that may be tried, in configured order. */
  readonly order: readonly TargetStatus[];
  /** `null` for strategies that do not score. */
  readonly assessment: Assessment | null;
  readonly reason: string;
  readonly reasonCode: ReasonCode;
  /** Strong targets that are asked when the cheap answer fails its checks; cascades only. */
  readonly escalation?: readonly TargetStatus[];
  readonly vote?: ShareVote | null;
}

/** What a strategy says: the targets from best to worst, and why the first is best. */
interface Preference {
  readonly ranking: readonly TargetStatus[];
  readonly reason: string;
  readonly reasonCode: ReasonCode;
}

/** Chooses among the allowed targets: stickiness, strategy, warm state. */
export function chooseTarget(input: ChoiceInput): Choice {
  const strong = strongSideOf(input.model, input.targets);
  const isStrong = (target: TargetStatus) => strong.has(target.id);
  const assessment = scores(input.strategy) ? assess(input) : null;
  const previous = input.allowed.find(({ id }) => id === input.previousTarget) ?? null;
  const choice = { strategy: input.strategy, order: input.allowed, assessment };
  // between a tool call and the answer to its result the model must stay the same one
  if (previous && input.allowed.length > 1 && isToolCallOpen(input.request, input.history)) {
    return { ...choice, target: previous, reason: 'A tool call is being answered.', reasonCode: 'tool_loop' };
  }
  const preference = assessment ? bySide(input, assessment, previous, isStrong) : byRanking(input, previous);
  const target = input.strategy === 'cost' ? preference.ranking[0]! : readyFirst(preference.ranking, isStrong);
  const free = new Set(input.allowed.map(isStrong)).size === 2;
  const counts = assessment !== null && free && usesArtefact(input.strategy);
  const vote = counts ? { of: shareOf(input), strong: isStrong(target) } : null;
  if (assessment && free && isUncertain(input, assessment, preference)) {
    return cascade({ ...choice, vote }, preference, isStrong);
  }
  return { ...choice, vote, target, ...forced(input, preference) };
}

/** Scoring strategies: the side the score asks for, unless the conversation is on the other one by a small margin. */
function bySide(
  { allowed }: ChoiceInput,
  { score, threshold, reason, reasonCode }: Assessment,
  previous: TargetStatus | null,
  isStrong: (target: TargetStatus) => boolean,
): Preference {
  const wanted = score >= threshold;
  const side = allowed.filter((target) => isStrong(target) === wanted);
  const other = allowed.filter((target) => isStrong(target) !== wanted);
  const ranking = [...side, ...other];
  const found = { ranking, reason: side.length > 0 ? reason : `${reason} No target of that side is free.`, reasonCode };
  if (!previous || previous === ranking[0]) return found;
  const near = Math.abs(score - threshold) < SWITCH_MARGIN;
  if (!near && isStrong(previous) !== wanted) return found;
  return stayOn(previous, ranking);
}

/** Strategies that do not look at the prompt. */
function byRanking(input: ChoiceInput, previous: TargetStatus | null): Preference {
  const { allowed, model, request, history } = input;
  switch (input.strategy) {
    case 'cost': {
      const prompt = estimateTokens([...history.flatMap((turn) => turn.messages), ...request.messages]);
      const answer = Math.min(tokensAskedFor(request) ?? Infinity, EXPECTED_ANSWER_TOKENS);
      const ranking = byCost(allowed, prompt, answer);
      return { ranking, reason: 'The cheapest target for this request.', reasonCode: 'cheapest' };
    }
    case 'latency':
      return { ranking: byLatency(allowed), reason: 'The target that answers soonest.', reasonCode: 'fastest' };
    case 'weighted': {
      // a conversation stays with its draw, or every turn would be another model
      if (previous) return stayOn(previous, allowed);
      const { conversation } = input;
      const weights = model.weights ?? {};
      const ranking =
        conversation === null
          ? byWeight(allowed, weights, input.random())
          : byWeightAndDraw(allowed, weights, (id) => drawOf(conversation, id));
      return { ranking, reason: 'Drawn by the weights of the targets.', reasonCode: 'weighted' };
    }
    default:
      return { ranking: allowed, reason: 'The first target in the configured order.', reasonCode: 'priority' };
  }
}

const stayOn = (previous: TargetStatus, targets: readonly TargetStatus[]): Preference => ({
  ranking: firstThenRest(previous, targets),
  reason: 'The conversation stays with the target of its latest turn.',
  reasonCode: 'sticky_session',
});

/** A stream cannot be taken back, so it is never part of a cascade. */
function isUncertain(input: ChoiceInput, { score, threshold }: Assessment, { reasonCode }: Preference): boolean {
  if (input.strategy !== 'cascade' || input.request.stream || reasonCode === 'sticky_session') return false;
  return Math.abs(score - threshold) < UNCERTAIN;
}

function cascade(
  choice: Pick<Choice, 'strategy' | 'order' | 'assessment' | 'vote'>,
  { ranking }: Preference,
  isStrong: (target: TargetStatus) => boolean,
): Choice {
  const weak = ranking.filter((target) => !isStrong(target));
  return {
    ...choice,
    target: readyFirst(weak, isStrong),
    escalation: ranking.filter(isStrong),
    reason: 'An uncertain case: the cheap side is asked first and its answer is checked.',
    reasonCode: 'cascade',
  };
}

/** The best target, or when that one has to be loaded first, the best of the same side that need not. */
function readyFirst(ranking: readonly TargetStatus[], isStrong: (target: TargetStatus) => boolean): TargetStatus {
  const best = ranking[0]!;
  if (best.warm !== false) return best;
  return ranking.find((target) => isStrong(target) === isStrong(best) && !mayHaveToLoad(target)) ?? best;
}

/** Where the constraints left no choice, they are the reason. */
function forced({ allowed, keptLocal }: ChoiceInput, { reason, reasonCode }: Preference): Omit<Preference, 'ranking'> {
  if (keptLocal) return { reason: 'Private text may only go to a local target.', reasonCode: 'private_text' };
  if (allowed.length === 1) return { reason: 'No other target can take this request.', reasonCode: 'only_candidate' };
  return { reason, reasonCode };
}

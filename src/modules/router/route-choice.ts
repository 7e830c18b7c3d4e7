import type { Strategy } from '../../common/config/config.schema.js';
import { mayHaveToLoad, type TargetStatus } from '../../common/target.js';
import { estimateTokens, tokensAskedFor } from '../../common/token-estimate.js';
import { assess, shareOf, usesArtefact, type Assessment, type AssessmentInput } from './assessment.js';
import type { ShareOf } from './learned/share-control.js';
import { byCost, byLatency, byWeight, byWeightAndDraw, firstThenRest, strongSideOf } from './route-strategies.js';
import type { ReasonCode } from './router.messages.js';
import { isToolCallOpen } from '../../common/conversation.js';
import { drawOf } from './tool-loop.js';

/** A conversation changes sides only when the score is this far past the threshold. */
const SWITCH_MARGIN = 0.15;
/** `cascade`: this near to the threshold the cheap side is asked first. */
const UNCERTAIN = 0.25;
/** What an answer takes when nobody said, tokens; for comparing costs. */
const EXPECTED_ANSWER_TOKENS = 400;
const NO_TARGETS: readonly TargetStatus[] = [];

export interface ChoiceInput extends AssessmentInput {
  readonly previousTarget: string | null;
  /** Every target of the model. */
  readonly targets: readonly TargetStatus[];
  /** Those that the constraints leave, in configured order; at least one. */
  readonly allowed: readonly TargetStatus[];
  /** Whether private text took out a cloud target. */
  readonly keptLocal: boolean;
  /** 0 to 1, exclusive of 1. */
  readonly random: () => number;
  /** `conversationKey` where a tool may be called and no session keeps the target; else `null`. */
  readonly conversation: string | null;
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
  /** Ids of the strong side. */
  readonly strong: readonly string[];
  /** `null` for strategies that do not score. */
  readonly assessment: Assessment | null;
  readonly reason: string;
  readonly reasonCode: ReasonCode;
  /** Strong targets that are asked when the cheap answer fails its checks; cascades only. */
  readonly escalation: readonly TargetStatus[];
  /** `null` when there was nothing to choose, and for strategies without the artefact. */
  readonly vote: ShareVote | null;
}

/** What a strategy says: the targets from best to worst, and why the first is best. */
interface Preference {
  readonly ranking: readonly TargetStatus[];
  readonly reason: string;
  readonly reasonCode: ReasonCode;
}

type IsStrong = (target: TargetStatus) => boolean;

/** Chooses among the allowed targets: stickiness, strategy, warm state. */
export function chooseTarget(input: ChoiceInput): Choice {
  const { strategy, allowed } = input;
  const strong = strongSideOf(input.model, input.targets);
  const isStrong: IsStrong = ({ id }) => strong.includes(id);
  const assessment = assess(input);
  const previous = allowed.find(({ id }) => id === input.previousTarget) ?? null;
  const choice = { strategy, order: allowed, strong, assessment, vote: null, escalation: NO_TARGETS };
  // between a tool call and the answer to its result the model must stay the same one
  if (previous && allowed.length > 1 && isToolCallOpen(input.request, input.history)) {
    return { ...choice, target: previous, reason: 'A tool call is being answered.', reasonCode: 'tool_loop' };
  }
  const preference = assessment ? bySide(input, assessment, previous, isStrong) : byRanking(input, previous);
  const { ranking } = preference;
  const target = strategy === 'cost' ? ranking[0]! : readyFirst(ranking, isStrong);
  const isFree = assessment !== null && allowed.some(isStrong) && !allowed.every(isStrong);
  const vote = isFree && usesArtefact(strategy) ? { of: shareOf(input), strong: isStrong(target) } : null;
  if (!isFree || !isUncertain(input, assessment, preference)) {
    return { ...choice, vote, target, ...forced(input, preference) };
  }
  return {
    ...choice,
    vote,
    target: readyFirst(
      ranking.filter((one) => !isStrong(one)),
      isStrong,
    ),
    escalation: ranking.filter(isStrong),
    reason: 'An uncertain case: the cheap side is asked first and its answer is checked.',
    reasonCode: 'cascade',
  };
}

/** Scoring strategies: the side the score asks for, unless the conversation is on the other one by a small margin. */
function bySide(
  { allowed }: ChoiceInput,
  { score, threshold, reasonCode, explanation }: Assessment,
  previous: TargetStatus | null,
  isStrong: IsStrong,
): Preference {
  const wanted = score >= threshold;
  const side = allowed.filter((target) => isStrong(target) === wanted);
  const other = allowed.filter((target) => isStrong(target) !== wanted);
  const ranking = [...side, ...other];
  const reason = explanation?.reason ?? '';
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

/** The best target, or when that one has to be loaded first, the best of the same side that need not. */
function readyFirst(ranking: readonly TargetStatus[], isStrong: IsStrong): TargetStatus {
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

import type { ChatRequest } from '../../common/chat.js';
import type { ModelConfig, Strategy } from '../../common/config/config.schema.js';
import type { HistoryTurn } from '../../common/conversation.js';
import { subjectOf } from './conversation-subject.js';
import type { LearnedScorer } from './learned/learned-scorer.js';
import type { ShareControl, ShareOf } from './learned/share-control.js';
import type { PromptFeatures } from './prompt-features.js';
import { promptFeatures } from './prompt-features.js';
import type { ReasonCode } from './router.messages.js';
import type { PromptScore } from './routing-rules.js';
import { confidenceOf, scorePrompt, THRESHOLD } from './routing-rules.js';

/** `hybrid`: a short free request that the rules are this sure of is theirs alone; elsewhere the artefact is better. */
const CLEAR = 0.6;
const CLEAR_WORDS = 20;
/** `hybrid`: part of the scale at each end that belongs to the clear cases. */
const CLEAR_BAND = 0.05;

/** How a scoring strategy sees the prompt. */
export interface Assessment extends Omit<PromptScore, 'reasonCode'> {
  readonly reasonCode: ReasonCode;
  readonly features: PromptFeatures;
  readonly threshold: number;
  readonly confidence: number;
  /** Of the artefact; `null` where it was not asked. */
  readonly learnedScore: number | null;
  readonly columns: readonly number[] | null;
}

export interface AssessmentInput {
  /** Of the caller; shares are kept for each. */
  readonly tenant: string;
  readonly request: ChatRequest;
  readonly history: readonly HistoryTurn[];
  readonly model: ModelConfig;
  readonly strategy: Strategy;
  readonly scorer: LearnedScorer;
  readonly shares: Pick<ShareControl, 'thresholdOf'>;
}

const UNASKED = { learnedScore: null, columns: null } as const;

/** Strategies that look at the prompt. */
export const scores = (strategy: Strategy): boolean => strategy === 'rules' || usesArtefact(strategy);

/** Strategies that keep `strongShare`. */
export const usesArtefact = (strategy: Strategy): boolean =>
  strategy === 'hybrid' || strategy === 'learned' || strategy === 'cascade';

/** Scores the prompt as the strategy does. */
export function assess(input: AssessmentInput): Assessment {
  switch (input.strategy) {
    case 'rules':
      return byRules(input);
    case 'hybrid':
      return byBoth(input);
    default:
      return byArtefact(input);
  }
}

/** The share that a decision counts for. */
export const shareOf = ({
  tenant,
  model,
  strategy,
}: Pick<AssessmentInput, 'tenant' | 'model' | 'strategy'>): ShareOf => ({
  tenant,
  model: model.name,
  strategy,
  share: model.strongShare,
});

function byRules({ request, history }: AssessmentInput): Assessment & PromptScore {
  const features = promptFeatures(request, history);
  const scored = scorePrompt(features);
  return { ...scored, features, threshold: THRESHOLD, confidence: confidenceOf(scored.score), ...UNASKED };
}

function byArtefact(input: AssessmentInput): Assessment {
  const { request, history, scorer, shares } = input;
  const { score, looksLike, strongest, columns } = scorer.explain(subjectOf(request.messages, history).text);
  const threshold = shares.thresholdOf(shareOf(input));
  const strong = score >= threshold;
  return {
    ...{ score, threshold, features: strongest, rules: [], confidence: distance(score, threshold) },
    ...{ learnedScore: score, columns },
    reason: reasonOf(looksLike, strong),
    reasonCode: strong ? 'learned_complex' : 'learned_simple',
  };
}

/** Whether the rules alone decide in `hybrid`. */
export const isClear = ({ score, reasonCode }: PromptScore, features: PromptFeatures): boolean =>
  reasonCode !== 'rule_default' &&
  confidenceOf(score) >= CLEAR &&
  (features['words'] ?? 0) <= CLEAR_WORDS &&
  (features['options'] ?? 0) < 2;

/** Clear cases of the rules go to the ends of the scale, the rest between them by the artefact. */
function byBoth(input: AssessmentInput): Assessment {
  const rules = byRules(input);
  const artefact = byArtefact(input);
  // a clearly simple message goes to the weak side even where that leaves the share unused
  const threshold = Math.max(CLEAR_BAND, artefact.threshold);
  const clear = isClear(rules, rules.features);
  if (!clear) {
    const score = CLEAR_BAND + (1 - 2 * CLEAR_BAND) * artefact.score;
    const strong = score >= threshold;
    const same = strong === artefact.score >= artefact.threshold;
    const { reason, reasonCode } = same ? artefact : sideOnly(strong);
    return {
      ...artefact,
      ...{ score, threshold, rules: rules.rules, reason, reasonCode },
      features: { ...rules.features, ...artefact.features },
      confidence: distance(score, threshold),
    };
  }
  const score = rules.score >= THRESHOLD ? 1 - CLEAR_BAND * (1 - rules.score) : CLEAR_BAND * rules.score;
  const wanted = rules.score >= THRESHOLD === score >= threshold;
  const spent = { reason: 'The strong share that was asked for is used up.', reasonCode: 'learned_simple' } as const;
  const { learnedScore, columns } = artefact;
  const confidence = distance(score, threshold);
  return { ...rules, ...(wanted ? {} : spent), score, threshold, confidence, learnedScore, columns };
}

const sideOnly = (strong: boolean): Pick<Assessment, 'reason' | 'reasonCode'> => ({
  reason: reasonOf(null, strong),
  reasonCode: strong ? 'learned_complex' : 'learned_simple',
});

/** Distance of score and threshold, scaled by the room on that side. */
function distance(score: number, threshold: number): number {
  const room = score >= threshold ? 1 - threshold : threshold;
  return room > 0 ? Math.min(1, Math.abs(score - threshold) / room) : 1;
}

function reasonOf(looksLike: string | null, strong: boolean): string {
  const like = looksLike ? `Looks like ${looksLike}` : 'Its wording and shape are known';
  return strong
    ? `${like}, of a kind that the strong model often answers better.`
    : `${like}, of a kind that the strong model rarely answers better.`;
}

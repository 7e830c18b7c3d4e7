import { partsOf, type ChatRequest } from '../../common/chat.js';
import type { ModelConfig, Strategy } from '../../common/config/config.schema.js';
import type { HistoryTurn } from '../../common/conversation.js';
import type { LearnedScorer } from './learned/learned-scorer.js';
import type { ShareControl, ShareOf } from './learned/share-control.js';
import { conversationPrompt, userTurns, type Prompt } from './prompt.js';
import type { ReasonCode, RouteExplanation } from './router.messages.js';
import { hasMoreWords, PromptFeatures } from './rules/prompt-features.js';
import { confidenceOf, reasonOf, scorePrompt, THRESHOLD, type PromptScore } from './rules/routing-rules.js';

/** `hybrid`: a short free request that the rules are this sure of is theirs alone; elsewhere the artefact is better. */
const CLEAR = 0.6;
const CLEAR_WORDS = 20;
/** `hybrid`: part of the scale at each end that belongs to the clear cases. */
const CLEAR_BAND = 0.05;

/** How a scoring strategy sees the prompt. */
export interface Assessment {
  /** Need of the strong side, 0 to 1. */
  readonly score: number;
  readonly threshold: number;
  readonly reasonCode: ReasonCode;
  /** Of the artefact; `null` where it was not asked. */
  readonly learnedScore: number | null;
  readonly explanation: RouteExplanation | null;
}

export interface AssessmentInput {
  /** Of the caller; shares are kept for each. */
  readonly tenant: string;
  readonly request: ChatRequest;
  readonly history: readonly HistoryTurn[];
  readonly model: ModelConfig;
  readonly strategy: Strategy;
  readonly scorer: LearnedScorer;
  /** The thresholds that live decisions have come to; only read. */
  readonly shares: Pick<ShareControl, 'thresholdOf'>;
  /** Whether somebody reads why. */
  readonly explain: boolean;
}

/** Strategies that keep `strongShare`. */
export const usesArtefact = (strategy: Strategy): boolean =>
  strategy === 'hybrid' || strategy === 'learned' || strategy === 'cascade';

/** Scores the prompt as the strategy does; `null` for strategies that do not look at it. */
export function assess(input: AssessmentInput): Assessment | null {
  const { strategy, request, history } = input;
  if (strategy !== 'rules' && !usesArtefact(strategy)) return null;
  const prompt = conversationPrompt(request.messages, history);
  if (strategy === 'hybrid') return byBoth(input, prompt);
  return strategy === 'rules' ? byRules(input, prompt) : byArtefact(input, prompt);
}

/** The share that a decision counts for. */
export const shareOf = ({ tenant, model, strategy }: AssessmentInput): ShareOf => ({
  tenant,
  model: model.name,
  strategy,
  share: model.strongShare,
});

const features = new PromptFeatures();

const scoredByRules = ({ request }: AssessmentInput, prompt: Prompt): PromptScore =>
  scorePrompt(features.read(prompt, Array.isArray(request.tools) ? request.tools.length : 0));

function byRules(input: AssessmentInput, prompt: Prompt): Assessment {
  const scored = scoredByRules(input, prompt);
  const { score } = scored;
  const explanation = input.explain ? rulesExplained(input, prompt, scored, confidenceOf(score)) : null;
  return { score, threshold: THRESHOLD, reasonCode: ruleCode(scored), learnedScore: null, explanation };
}

function ruleCode({ score, leading }: PromptScore): ReasonCode {
  if (!leading) return 'rule_default';
  return score >= THRESHOLD ? 'rule_complex' : 'rule_simple';
}

/** To be called before another prompt is read. */
function rulesExplained(
  { request, history }: AssessmentInput,
  prompt: Prompt,
  scored: PromptScore,
  confidence: number,
): RouteExplanation {
  const counted = {
    follow_up: prompt.followUp ? 1 : 0,
    user_turns: userTurns(request.messages, history),
    attachments: request.messages.flatMap(partsOf).filter(({ type }) => type !== 'text').length,
  };
  return {
    confidence,
    reason: reasonOf(scored),
    rules: scored.rules.map(({ name }) => name),
    features: { ...features.named(), ...counted },
  };
}

function byArtefact(input: AssessmentInput, prompt: Prompt): Assessment {
  const { scorer, shares, explain } = input;
  const score = scorer.scoreOf(prompt);
  const threshold = shares.thresholdOf(shareOf(input));
  const reasonCode = learnedCode(score >= threshold);
  const explanation = explain ? artefactExplained(scorer, score, threshold) : null;
  return { score, threshold, reasonCode, learnedScore: score, explanation };
}

/** To be called before another prompt is read. */
function artefactExplained(scorer: LearnedScorer, score: number, threshold: number): RouteExplanation {
  const { looksLike, strongest } = scorer.reasons();
  const reason = sideReason(looksLike, score >= threshold);
  return { confidence: distance(score, threshold), reason, rules: [], features: strongest };
}

/** Whether the rules alone decide in `hybrid`. */
export const isClear = ({ score, leading }: PromptScore, { words, options }: PromptFeatures): boolean =>
  leading !== null && confidenceOf(score) >= CLEAR && words <= CLEAR_WORDS && options < 2;

/** Clear cases of the rules go to the ends of the scale, the rest between them by the artefact. */
function byBoth(input: AssessmentInput, prompt: Prompt): Assessment {
  const mayBeClear = input.explain || !hasMoreWords(prompt, CLEAR_WORDS);
  const rules = mayBeClear ? scoredByRules(input, prompt) : null;
  const artefact = byArtefact(input, prompt);
  const clear = rules && isClear(rules, features) ? rules : null;
  const wantsStrong = clear ? clear.score >= THRESHOLD : artefact.score >= artefact.threshold;
  const score = clear ? clearScore(clear.score) : CLEAR_BAND + (1 - 2 * CLEAR_BAND) * artefact.score;
  // a clearly simple message goes to the weak side even where that leaves the share unused
  const threshold = Math.max(CLEAR_BAND, artefact.threshold);
  const strong = score >= threshold;
  const asWanted = strong === wantsStrong;
  const reasonCode = clear && asWanted ? ruleCode(clear) : learnedCode(strong);
  const found = { score, threshold, reasonCode, learnedScore: artefact.score };
  if (!input.explain || !rules) return { ...found, explanation: null };
  const explained = rulesExplained(input, prompt, rules, distance(score, threshold));
  const learned = artefact.explanation!;
  if (!clear) {
    const reason = asWanted ? learned.reason : sideReason(null, strong);
    return {
      ...found,
      explanation: { ...explained, reason, features: { ...explained.features, ...learned.features } },
    };
  }
  const spent = { reason: 'The strong share that was asked for is used up.' };
  return { ...found, explanation: asWanted ? explained : { ...explained, ...spent } };
}

const clearScore = (score: number): number => (score >= THRESHOLD ? 1 - CLEAR_BAND * (1 - score) : CLEAR_BAND * score);

const learnedCode = (strong: boolean): ReasonCode => (strong ? 'learned_complex' : 'learned_simple');

/** Distance of score and threshold, scaled by the room on that side. */
function distance(score: number, threshold: number): number {
  const room = score >= threshold ? 1 - threshold : threshold;
  return room > 0 ? Math.min(1, Math.abs(score - threshold) / room) : 1;
}

function sideReason(looksLike: string | null, strong: boolean): string {
  const like = looksLike ? `Looks like ${looksLike}` : 'Its wording and shape are known';
  return `${like}, of a kind that the strong model ${strong ? 'often' : 'rarely'} answers better.`;
}

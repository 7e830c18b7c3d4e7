import type { CueCategory } from './cue-lexicon.js';
import type { PromptFeatures } from './prompt-features.js';
import { cueCount } from './prompt-features.js';

/** Changes with every change of a rule, a weight or the lexicon: it is part of the cache key and of each decision. */
export const POLICY_VERSION = 'rules-1';

/** From this score on a prompt goes to the strong side. */
export const THRESHOLD = 0.5;

export interface RoutingRule {
  readonly name: string;
  readonly side: 'weak' | 'strong';
  /** How much it moves the log-odds of needing the strong side. */
  readonly weight: number;
  /** A sentence for a person. */
  readonly reason: string;
  matches(features: PromptFeatures): boolean;
}

/** What the rules make of a prompt. */
export interface PromptScore {
  /** Need of the strong side, 0 to 1. */
  readonly score: number;
  readonly rules: readonly string[];
  readonly reason: string;
  readonly reasonCode: 'rule_simple' | 'rule_complex' | 'rule_default';
}

/** Log-odds of a prompt no rule knows: rather simple, as most requests are, and harder the longer it is. */
const BIAS = -0.85;
const LENGTH_SLOPE = 0.35;
const LENGTH_UNIT_TOKENS = 20;

const SHORT_QUESTION_WORDS = 16;
const SHORT_TEXT_TOKENS = 250;
const LONG_TEXT_TOKENS = 1200;

/** The features that rules read, beside cues. */
type Counted =
  | ('tokens' | 'words' | 'numbers' | 'questions' | 'operators' | 'options' | 'math_symbols' | 'list_items')
  | ('code_lines' | 'stack_trace' | 'tools' | 'hard_cues' | 'smalltalk_share');

const of = (features: PromptFeatures, name: Counted): number => features[name] ?? 0;
const has = (features: PromptFeatures, ...categories: CueCategory[]): boolean =>
  categories.some((category) => cueCount(features, category) > 0);

/** Nothing in it asks for more than a look-up. */
const isPlain = (features: PromptFeatures): boolean =>
  of(features, 'hard_cues') === 0 &&
  of(features, 'math_symbols') === 0 &&
  of(features, 'operators') === 0 &&
  of(features, 'options') < 2 &&
  of(features, 'code_lines') < 3 &&
  of(features, 'stack_trace') === 0 &&
  !writesSoftware(features);

const isShortQuestion = (features: PromptFeatures): boolean =>
  of(features, 'words') <= SHORT_QUESTION_WORDS && isPlain(features);
const isShortText = (features: PromptFeatures): boolean =>
  of(features, 'tokens') <= SHORT_TEXT_TOKENS && of(features, 'hard_cues') === 0;
const writesSoftware = (features: PromptFeatures): boolean =>
  has(features, 'make') && has(features, 'software') && !has(features, 'translation', 'small_code');

const strong = (name: string, weight: number, reason: string, matches: RoutingRule['matches']): RoutingRule => ({
  name,
  side: 'strong',
  weight,
  reason,
  matches,
});
const weak = (name: string, weight: number, reason: string, matches: RoutingRule['matches']): RoutingRule => ({
  name,
  side: 'weak',
  weight: -weight,
  reason,
  matches,
});

export const ROUTING_RULES: readonly RoutingRule[] = [
  strong('proof', 2.4, 'Asks for a proof or a derivation.', (f) => has(f, 'proof')),
  strong(
    'advanced_math',
    1.7,
    'Looks like advanced mathematics.',
    (f) => has(f, 'advanced_math') || of(f, 'math_symbols') >= 2,
  ),
  strong('math_word_problem', 1.8, 'Looks like a word problem with several numbers.', isWordProblem),
  strong('multi_step_calculation', 2, 'Looks like a multi-step calculation.', (f) => of(f, 'operators') >= 3),
  strong('code_task', 1.7, 'Asks for code to be written or changed.', (f) => has(f, 'code_task') || writesSoftware(f)),
  strong('debugging', 1.8, 'Asks for a fault to be found in a program.', (f) => isDebugging(f)),
  strong('code_block', 1, 'Contains a piece of code.', (f) => of(f, 'code_lines') >= 4),
  strong('system_design', 1.8, 'Asks for a design or an architecture.', (f) => has(f, 'system_design')),
  strong('analysis', 1.5, 'Asks for an analysis or a comparison.', (f) => has(f, 'analysis')),
  strong('planning', 1.5, 'Asks for a plan or a strategy.', (f) => has(f, 'planning')),
  strong(
    'stepwise_reasoning',
    1,
    'Asks for reasoning in several steps.',
    (f) => has(f, 'reasoning') && !isShortFact(f),
  ),
  strong('long_writing', 1.2, 'Asks for a long or thorough text.', (f) => has(f, 'long_writing')),
  strong('legal_question', 1.3, 'Asks for a legal judgement.', (f) => has(f, 'legal') && of(f, 'words') >= 9),
  strong('medical_question', 1.3, 'Asks for a medical judgement.', (f) => has(f, 'medical') && of(f, 'words') >= 9),
  strong('many_constraints', 1.1, 'Sets many conditions the answer must meet.', (f) => cueCount(f, 'constraint') >= 3),
  strong(
    'several_steps',
    0.9,
    'Asks for several things in a row.',
    (f) => of(f, 'list_items') >= 3 || (cueCount(f, 'sequence') >= 2 && of(f, 'words') >= 20),
  ),
  strong(
    'decision',
    1,
    'Asks for advice on a decision with several sides.',
    (f) => has(f, 'decision') && of(f, 'words') >= 14,
  ),
  strong('exam_question', 0.3, 'Looks like an exam question.', (f) => of(f, 'options') >= 3),
  strong('many_questions', 0.6, 'Asks several questions at once.', (f) => of(f, 'questions') >= 3),
  strong('long_document', 1.2, 'Contains a long document.', (f) => of(f, 'tokens') >= LONG_TEXT_TOKENS),
  strong('tools_offered', 0.4, 'May have to use tools.', (f) => of(f, 'tools') > 0),
  weak('smalltalk', 3, 'Looks like small talk.', (f) => of(f, 'smalltalk_share') > 0.99 && of(f, 'words') <= 20),
  weak('simple_definition', 1.3, 'Asks what something is.', (f) => has(f, 'definition') && isShortQuestion(f)),
  weak('short_fact', 1.2, 'Looks like a short factual question.', (f) => has(f, 'fact_question') && isShortQuestion(f)),
  weak('simple_arithmetic', 1.8, 'Looks like a simple calculation.', isSimpleArithmetic),
  weak('short_translation', 1.8, 'Asks for a short translation.', (f) => has(f, 'translation') && isShortText(f)),
  weak(
    'simple_rewrite',
    1.6,
    'Asks for a short text to be reworded.',
    (f) => has(f, 'rewrite') && isShortText(f) && of(f, 'code_lines') < 2,
  ),
  weak('short_summary', 1.1, 'Asks for a summary of a short text.', (f) => has(f, 'summary') && isShortText(f)),
  weak('classification', 1.1, 'Asks for a label or an extract.', (f) => has(f, 'classification') && isShortText(f)),
  weak('unit_conversion', 1.5, 'Asks for a conversion.', (f) => has(f, 'conversion') && isShortQuestion(f)),
  weak(
    'small_writing',
    1,
    'Asks for a short text.',
    (f) => has(f, 'small_writing') && isShortText(f) && cueCount(f, 'constraint') < 3,
  ),
  weak('small_code', 1.9, 'Asks for a textbook example of code.', (f) => has(f, 'small_code') && of(f, 'words') <= 20),
];

function isWordProblem(f: PromptFeatures): boolean {
  return of(f, 'numbers') >= 2 && of(f, 'words') >= 14 && has(f, 'quantity_question');
}

function isDebugging(f: PromptFeatures): boolean {
  return has(f, 'debugging') || of(f, 'stack_trace') > 0 || (has(f, 'fault') && has(f, 'software'));
}

/** "Think step by step" behind a question for a fact does not make it hard. */
function isShortFact(f: PromptFeatures): boolean {
  const onlyReasoning = of(f, 'hard_cues') === cueCount(f, 'reasoning');
  return onlyReasoning && has(f, 'definition', 'fact_question') && of(f, 'words') <= SHORT_QUESTION_WORDS;
}

function isSimpleArithmetic(f: PromptFeatures): boolean {
  if (of(f, 'words') > SHORT_QUESTION_WORDS || of(f, 'math_symbols') > 0) return false;
  if (has(f, 'advanced_math', 'proof', 'code_task')) return false;
  const inSigns = of(f, 'operators') >= 1 && of(f, 'operators') <= 2;
  const inWords = of(f, 'operators') === 0 && of(f, 'numbers') >= 1 && of(f, 'numbers') <= 2 && has(f, 'arithmetic');
  return inSigns || inWords;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * Applies every rule. The score is a logistic sum: a bias, a slope over the logarithm of the length, and the weights of
 * the rules that match, so that two weak signs add up and no single one decides against all others.
 */
export function scorePrompt(features: PromptFeatures): PromptScore {
  const applied = ROUTING_RULES.filter((rule) => rule.matches(features));
  const length = LENGTH_SLOPE * Math.log1p(of(features, 'tokens') / LENGTH_UNIT_TOKENS);
  const score = sigmoid(applied.reduce((sum, rule) => sum + rule.weight, BIAS + length));
  const side = score >= THRESHOLD ? 'strong' : 'weak';
  const leading = applied
    .filter((rule) => rule.side === side)
    .reduce<RoutingRule | null>(
      (best, rule) => (!best || Math.abs(rule.weight) > Math.abs(best.weight) ? rule : best),
      null,
    );
  return {
    score,
    rules: applied.map((rule) => rule.name),
    reason: leading?.reason ?? defaultReason(side),
    reasonCode: !leading ? 'rule_default' : side === 'strong' ? 'rule_complex' : 'rule_simple',
  };
}

const defaultReason = (side: RoutingRule['side']): string =>
  side === 'strong' ? 'Its length suggests that it needs the strong model.' : 'Nothing in it asks for a strong model.';

/** How clear a case is, 0 to 1: distance of score and threshold, scaled by the room on that side. */
export const confidenceOf = (score: number): number =>
  Math.abs(score - THRESHOLD) / (score >= THRESHOLD ? 1 - THRESHOLD : THRESHOLD);

import { cueBits, type CueCategory } from './cue-lexicon.js';
import type { PromptFeatures } from './prompt-features.js';

/** Changes with every change of a rule, a weight or the lexicon: it is part of the cache key and of each decision. */
export const POLICY_VERSION = 'rules-1';

/** From this score on a prompt goes to the strong side. */
export const THRESHOLD = 0.5;

interface RoutingRule {
  readonly name: string;
  readonly side: 'weak' | 'strong';
  /** How much it moves the log-odds of needing the strong side. */
  readonly weight: number;
  /** A sentence for a person. */
  readonly reason: string;
  /** The category of phrases, as bits, of which the prompt must have one; 0 = none. */
  readonly cue: number;
  readonly matches: (features: PromptFeatures) => boolean;
}

/** What the rules make of a prompt. */
export interface PromptScore {
  /** Need of the strong side, 0 to 1. */
  readonly score: number;
  /** Those that applied. */
  readonly rules: readonly RoutingRule[];
  /** The heaviest of the side that it came to; `null` = none, only the length spoke. */
  readonly leading: RoutingRule | null;
}

/** Log-odds of a prompt no rule knows: rather simple, as most requests are, and harder the longer it is. */
const BIAS = -0.85;
const LENGTH_SLOPE = 0.35;
const LENGTH_UNIT_TOKENS = 20;

const SHORT_QUESTION_WORDS = 16;
const SHORT_TEXT_TOKENS = 250;
const LONG_TEXT_TOKENS = 1200;

const ADVANCED_MATH = cueBits('advanced_math');
const CODE_TASK = cueBits('code_task');
const MAKE = cueBits('make');
const SOFTWARE = cueBits('software');
const SMALL_SOFTWARE = cueBits('translation', 'small_code');
const DEBUGGING = cueBits('debugging');
const FAULT = cueBits('fault');
const LOOK_UP = cueBits('definition', 'fact_question');
const HARD_CALCULATION = cueBits('advanced_math', 'proof', 'code_task');
const ARITHMETIC = cueBits('arithmetic');

/** Nothing in it asks for more than a look-up. */
const isPlain = (f: PromptFeatures): boolean =>
  f.hardCues === 0 &&
  f.mathSymbols === 0 &&
  f.operators === 0 &&
  f.options < 2 &&
  f.codeLines < 3 &&
  !f.stackTrace &&
  !writesSoftware(f);

const isShortQuestion = (f: PromptFeatures): boolean => f.words <= SHORT_QUESTION_WORDS && isPlain(f);
const isShortText = (f: PromptFeatures): boolean => f.tokens <= SHORT_TEXT_TOKENS && f.hardCues === 0;
const writesSoftware = (f: PromptFeatures): boolean => f.has(MAKE) && f.has(SOFTWARE) && !f.has(SMALL_SOFTWARE);
const always = (): boolean => true;

type RuleParts = readonly [
  name: string,
  weight: number,
  reason: string,
  cue: CueCategory | null,
  matches?: RoutingRule['matches'],
];

const rule = (side: RoutingRule['side'], [name, weight, reason, cue, matches = always]: RuleParts): RoutingRule => ({
  ...{ name, side, weight: side === 'strong' ? weight : -weight, reason },
  ...{ cue: cue === null ? 0 : cueBits(cue), matches },
});
const strong = (...parts: RuleParts): RoutingRule => rule('strong', parts);
const weak = (...parts: RuleParts): RoutingRule => rule('weak', parts);

const ROUTING_RULES: readonly RoutingRule[] = [
  strong('proof', 2.4, 'Asks for a proof or a derivation.', 'proof'),
  strong(
    'advanced_math',
    1.7,
    'Looks like advanced mathematics.',
    null,
    (f) => f.has(ADVANCED_MATH) || f.mathSymbols >= 2,
  ),
  strong(
    'math_word_problem',
    1.8,
    'Looks like a word problem with several numbers.',
    'quantity_question',
    (f) => f.numbers >= 2 && f.words >= 14,
  ),
  strong('multi_step_calculation', 2, 'Looks like a multi-step calculation.', null, (f) => f.operators >= 3),
  strong(
    'code_task',
    1.7,
    'Asks for code to be written or changed.',
    null,
    (f) => f.has(CODE_TASK) || writesSoftware(f),
  ),
  strong('debugging', 1.8, 'Asks for a fault to be found in a program.', null, isDebugging),
  strong('code_block', 1, 'Contains a piece of code.', null, (f) => f.codeLines >= 4),
  strong('system_design', 1.8, 'Asks for a design or an architecture.', 'system_design'),
  strong('analysis', 1.5, 'Asks for an analysis or a comparison.', 'analysis'),
  strong('planning', 1.5, 'Asks for a plan or a strategy.', 'planning'),
  strong('stepwise_reasoning', 1, 'Asks for reasoning in several steps.', 'reasoning', (f) => !isShortFact(f)),
  strong('long_writing', 1.2, 'Asks for a long or thorough text.', 'long_writing'),
  strong('legal_question', 1.3, 'Asks for a legal judgement.', 'legal', (f) => f.words >= 9),
  strong('medical_question', 1.3, 'Asks for a medical judgement.', 'medical', (f) => f.words >= 9),
  strong(
    'many_constraints',
    1.1,
    'Sets many conditions the answer must meet.',
    'constraint',
    (f) => f.count('constraint') >= 3,
  ),
  strong(
    'several_steps',
    0.9,
    'Asks for several things in a row.',
    null,
    (f) => f.listItems >= 3 || (f.words >= 20 && f.count('sequence') >= 2),
  ),
  strong('decision', 1, 'Asks for advice on a decision with several sides.', 'decision', (f) => f.words >= 14),
  strong('exam_question', 0.3, 'Looks like an exam question.', null, (f) => f.options >= 3),
  strong('many_questions', 0.6, 'Asks several questions at once.', null, (f) => f.questions >= 3),
  strong('long_document', 1.2, 'Contains a long document.', null, (f) => f.tokens >= LONG_TEXT_TOKENS),
  strong('tools_offered', 0.4, 'May have to use tools.', null, (f) => f.tools > 0),
  weak('smalltalk', 3, 'Looks like small talk.', 'smalltalk', (f) => f.words <= 20 && f.smalltalkShare() > 0.99),
  weak('simple_definition', 1.3, 'Asks what something is.', 'definition', isShortQuestion),
  weak('short_fact', 1.2, 'Looks like a short factual question.', 'fact_question', isShortQuestion),
  weak('simple_arithmetic', 1.8, 'Looks like a simple calculation.', null, isSimpleArithmetic),
  weak('short_translation', 1.8, 'Asks for a short translation.', 'translation', isShortText),
  weak(
    'simple_rewrite',
    1.6,
    'Asks for a short text to be reworded.',
    'rewrite',
    (f) => isShortText(f) && f.codeLines < 2,
  ),
  weak('short_summary', 1.1, 'Asks for a summary of a short text.', 'summary', isShortText),
  weak('classification', 1.1, 'Asks for a label or an extract.', 'classification', isShortText),
  weak('unit_conversion', 1.5, 'Asks for a conversion.', 'conversion', isShortQuestion),
  weak(
    'small_writing',
    1,
    'Asks for a short text.',
    'small_writing',
    (f) => isShortText(f) && f.count('constraint') < 3,
  ),
  weak('small_code', 1.9, 'Asks for a textbook example of code.', 'small_code', (f) => f.words <= 20),
];

function isDebugging(f: PromptFeatures): boolean {
  return f.has(DEBUGGING) || f.stackTrace || (f.has(FAULT) && f.has(SOFTWARE));
}

/** "Think step by step" behind a question for a fact does not make it hard. */
const isShortFact = (f: PromptFeatures): boolean =>
  f.hardCues === f.count('reasoning') && f.has(LOOK_UP) && f.words <= SHORT_QUESTION_WORDS;

function isSimpleArithmetic(f: PromptFeatures): boolean {
  if (f.words > SHORT_QUESTION_WORDS || f.mathSymbols > 0 || f.has(HARD_CALCULATION)) return false;
  const inSigns = f.operators >= 1 && f.operators <= 2;
  const inWords = f.operators === 0 && f.numbers >= 1 && f.numbers <= 2 && f.has(ARITHMETIC);
  return inSigns || inWords;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * Applies every rule. The score is a logistic sum: a bias, a slope over the logarithm of the length, and the weights of
 * the rules that match, so that two weak signs add up and no single one decides against all others.
 */
export function scorePrompt(features: PromptFeatures): PromptScore {
  const rules: RoutingRule[] = [];
  let sum = BIAS + LENGTH_SLOPE * Math.log1p(features.tokens / LENGTH_UNIT_TOKENS);
  let strongest: RoutingRule | null = null;
  let weakest: RoutingRule | null = null;
  for (let i = 0; i < ROUTING_RULES.length; i += 1) {
    const rule = ROUTING_RULES[i]!;
    if ((rule.cue !== 0 && !features.has(rule.cue)) || !rule.matches(features)) continue;
    rules.push(rule);
    sum += rule.weight;
    if (rule.weight > (strongest?.weight ?? 0)) strongest = rule;
    if (rule.weight < (weakest?.weight ?? 0)) weakest = rule;
  }
  const score = sigmoid(sum);
  return { score, rules, leading: score >= THRESHOLD ? strongest : weakest };
}

/** A sentence for a person. */
export const reasonOf = ({ score, leading }: PromptScore): string =>
  leading?.reason ??
  (score >= THRESHOLD
    ? 'Its length suggests that it needs the strong model.'
    : 'Nothing in it asks for a strong model.');

/** How clear a case is, 0 to 1: distance of score and threshold, scaled by the room on that side. */
export const confidenceOf = (score: number): number =>
  Math.abs(score - THRESHOLD) / (score >= THRESHOLD ? 1 - THRESHOLD : THRESHOLD);

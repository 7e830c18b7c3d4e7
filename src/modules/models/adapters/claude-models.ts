/** What the names of Claude models tell about the parameters that they take. Names that nobody here knows take all. */

const nameOf = (model: string): string => model.toLowerCase().replaceAll('.', '-');

const BUDGET_ONLY = /claude-(3-7|(opus|sonnet|haiku)-4(-[0-5])?(-\d{8}|-latest|@|$)|4-)/;
const ADAPTIVE_ONLY = /claude-(opus-4-[7-9]|[a-z]+-[5-9])/;
/** The longest answers that the first generations give, tokens. */
const LONGEST_ANSWERS: readonly (readonly [RegExp, number])[] = [
  [/claude-3-5/, 8_192],
  [/claude-(v?[12]|instant|3-(opus|sonnet|haiku))/, 4_096],
];

/** Of a request that does not say how long its answer may be, tokens: Anthropic wants to be told. */
const ANSWER_TOKENS = 16_384;

/** Thinks within a budget of tokens (`thinking.type: enabled`) and knows no effort. */
export const thinksByBudget = (model: string): boolean => BUDGET_ONLY.test(nameOf(model));

/**
 * Knows effort and adaptive thinking alone, and refuses sampling parameters: Opus 4.7 and what came after it.
 *
 * @see https://platform.claude.com/docs/en/about-claude/models/migration-guide
 */
export const thinksByEffort = (model: string): boolean => ADAPTIVE_ONLY.test(nameOf(model));

/**
 * `max_tokens` for a caller who gave none: what OpenAI's callers expect is the whole answer, so it is as much as every
 * current model takes, or the most of an older one.
 */
export const answerTokens = (model: string): number =>
  LONGEST_ANSWERS.find(([name]) => name.test(nameOf(model)))?.[1] ?? ANSWER_TOKENS;

/**
 * Columns of the counts that do not depend on vocabulary; the artefact stores them by number. A literal: V8 keeps an
 * object made by `Object.fromEntries` as a dictionary, and code optimised for it is thrown away again and again.
 */
export const at = {
  characters: 0,
  words: 1,
  word_length: 2,
  long_words: 3,
  distinct_words: 4,
  numbers: 5,
  large_numbers: 6,
  decimals: 7,
  digits_share: 8,
  options: 9,
  question_characters: 10,
  option_characters: 11,
  numeric_options: 12,
  longest_option: 13,
  sentences: 14,
  question_marks: 15,
  commas: 16,
  math_signs: 17,
  equals_signs: 18,
  latex_signs: 19,
  brackets: 20,
  code_signs: 21,
  quotes: 22,
  money: 23,
  percent: 24,
  blanks: 25,
  bars: 26,
  foreign_letters: 27,
  single_letters: 28,
  hyphens: 29,
} as const;
export type ShapeName = keyof typeof at;
/** Names of the columns, in their order. */
export const SHAPE = Object.keys(at) as ShapeName[];

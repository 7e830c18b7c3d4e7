/** A run of numbers and what may stand between them. One pass: the class holds no two ways to read a character. */
const NUMBER_CHAIN = /\d[\d.,\s+\-*/×÷^()%]*\d/g;
const OPERATOR = /[+*×÷^]|(?<=\s)[-/](?=\s)/g;
/** Dates, telephone numbers, ISBNs, ranges and fractions have these between digits without spaces. */
const TIGHT_OPERATOR = /(?<=\d\)?)[-/](?=\(?\d)/g;
const TIGHT_OPERATION = /^\s*\d{1,9}(?:\.\d{1,9})?[-/]\d{1,9}(?:\.\d{1,9})?\s*$/;
/** Above this, a message with "10-4" or "24/7" in it is prose. */
const BARE_CALCULATION_WORDS = 5;

/**
 * How many arithmetic operators stand between numbers. `-` and `/` without spaces count only where the message is
 * hardly more than that one operation, as elsewhere they make dates, telephone numbers and ranges.
 *
 * @param words how many words the whole message has
 */
export function countOperators(text: string, words: number): number {
  let operators = 0;
  for (const [chain] of text.matchAll(NUMBER_CHAIN)) {
    const clear = chain.match(OPERATOR)?.length ?? 0;
    const tight = chain.match(TIGHT_OPERATOR)?.length ?? 0;
    if (clear > 0) operators += clear + tight;
    else if (words <= BARE_CALCULATION_WORDS && TIGHT_OPERATION.test(chain)) operators += 1;
  }
  return operators;
}

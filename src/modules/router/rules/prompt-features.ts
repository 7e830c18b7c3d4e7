import { estimateTextTokens } from '../../../common/token-estimate.js';
import { DIGIT, FOREIGN, FRAME, MATH, QUESTION, type Prompt } from '../prompt.js';
import { CUE_CATEGORIES, cueBits, HARD_CATEGORIES, PAYLOAD_CUES, type CueCategory } from './cue-lexicon.js';
import { CUE_MATCHER } from './cue-matcher.js';
import { BLANK, FoldedText, isUnspacedScript } from './folded-text.js';
import { ownWords, sampleOf, withoutPayload } from './own-words.js';

const CODE_LINE =
  /^[ \t]*(?:(?:export |public |private |static |async )*(?:def|class|function|func|fn|import|from|const|let|var|return|interface|struct|package|using|#include|SELECT|INSERT|UPDATE|CREATE|at) ?[\w.*{("'<$]|[\w.[\]]{1,60} ?[-+]?= ?\S|[})\]]+[;,)]*$|<\/?[a-z]{1,12}[ >])|[;{]$|=> ?[\w({]/;
const LISTED_LINE = /^\s{0,8}(?:[-*•]|\d{1,2}[.)、])\s{0,4}\S/;
const OPTION_LINE = /^\s{0,8}\(?[A-J][.):]\s{0,4}\S/;
const MATH_SYMBOL =
  /[∫∑∏√≤≥≠∞∂∇∈∀∃⊂→≡πθ]|\\(?:frac|int|sum|sqrt|lim|begin|mathbb|cdot|left)|(?<![a-z])[a-z]\^[\d{(n]|\b\d?[a-z](?:\s?[+=]\s?|\s-\s)\d?[a-z0-9]\b|\bO\([^)\n]{1,20}\)/g;
const NUMBER = /\d+(?:[.,]\d+)*/g;
// blanks of the line alone: over line breaks each of them would be read twelve times
const STACK_FRAME =
  /^[^\S\n\r\u2028\u2029]{0,12}at \S{1,200} ?\(|^Traceback \(|^[^\S\n\r\u2028\u2029]{0,12}File "[^"\n]{1,200}", line \d|\b[A-Z][A-Za-z]{1,40}(?:Error|Exception): /m;
const QUESTION_MARK = /[?？]/g;
/** A run of numbers and what may stand between them. One pass: the class holds no two ways to read a character. */
const NUMBER_CHAIN = /\d[\d.,\s+\-*/×÷^()%]*\d/g;
const SIGN = /[+*×÷^]|(?<=\s)[-/](?=\s)/g;
/** Dates, telephone numbers, ISBNs, ranges and fractions have these between digits without spaces. */
const TIGHT_SIGN = /(?<=\d\)?)[-/](?=\(?\d)/g;
const TIGHT_OPERATION = /^\s*\d{1,9}(?:\.\d{1,9})?[-/]\d{1,9}(?:\.\d{1,9})?\s*$/;
/** Above this, a message with "10-4" or "24/7" in it is prose. */
const BARE_CALCULATION_WORDS = 5;
const NEEDED_LINES = 400;
const LONGEST_LINE = 400;
const SMALLTALK = cueBits('smalltalk');
const POLITE = cueBits('smalltalk', 'filler');

const counted = new FoldedText();

/** Whether a prompt has more than so many words of its caller's own; looks no further than it must. */
export function hasMoreWords(prompt: Prompt, most: number): boolean {
  return counted.read(ownWords(prompt), most).words > most;
}

/**
 * Numbers of one prompt that the rules look at. Time is bounded whatever the size and the script of the text. Holds those
 * of one prompt at a time.
 */
export class PromptFeatures {
  tokens = 0;
  words = 0;
  questions = 0;
  numbers = 0;
  operators = 0;
  mathSymbols = 0;
  stackTrace = false;
  codeLines = 0;
  listItems = 0;
  options = 0;
  hardCues = 0;
  /** Of the request. */
  tools = 0;
  /** The categories of phrases in it, as bits. */
  private found = 0;
  /** How many phrases of each category, by its number. */
  private readonly cues = new Uint16Array(CUE_CATEGORIES.length);
  private readonly folded = new FoldedText();
  private readonly foldedHead = new FoldedText();
  /** The one of both whose phrases count. */
  private spoken = this.folded;

  read(prompt: Prompt, tools = 0): this {
    const { examined, kinds } = prompt;
    const instruction = ownWords(prompt);
    const { words } = this.folded.read(instruction);
    this.tools = tools;
    this.tokens = tokensOf(prompt);
    this.words = words;
    this.questions = kinds & (QUESTION | FOREIGN) ? countOf(QUESTION_MARK, examined) : 0;
    this.numbers = kinds & DIGIT ? countOf(NUMBER, instruction) : 0;
    this.operators = kinds & DIGIT ? countOperators(instruction, words) : 0;
    this.mathSymbols = kinds & (MATH | FOREIGN) ? countOf(MATH_SYMBOL, examined) : 0;
    this.stackTrace = (kinds & FRAME) !== 0 && STACK_FRAME.test(examined);
    this.readCues(instruction);
    this.readLines(examined);
    return this;
  }

  /** Whether there are phrases of one of these categories (bits). */
  has(categories: number): boolean {
    return (this.found & categories) !== 0;
  }

  /** How often phrases of a category were found. */
  count(category: CueCategory): number {
    return this.cues[CUE_CATEGORIES.indexOf(category)]!;
  }

  /** Share of the letters that greetings, thanks and the words around them make up, 0 to 1. */
  smalltalkShare(): number {
    if ((this.found & SMALLTALK) === 0) return 0;
    const { codes, length } = this.folded;
    let covered = 0;
    let letters = 0;
    let reached = 0;
    for (let i = 1; i < length; i += 1) {
      if (codes[i] === BLANK) continue;
      letters += 1;
      if (codes[i - 1] === BLANK || isUnspacedScript(codes[i]!))
        reached = Math.max(reached, CUE_MATCHER.endOf(this.spoken, i, POLITE));
      if (i < reached) covered += 1;
    }
    return letters === 0 ? 0 : covered / letters;
  }

  /** By name, for a person; `cue_*` counts the phrases of a category and is absent when there is none. */
  named(): Record<string, number> {
    const { tokens, words, questions, numbers, operators, tools } = this;
    const named: Record<string, number> = { tokens, words, questions, numbers, operators };
    named['math_symbols'] = this.mathSymbols;
    named['stack_trace'] = this.stackTrace ? 1 : 0;
    named['code_lines'] = this.codeLines;
    named['list_items'] = this.listItems;
    named['options'] = this.options;
    named['smalltalk_share'] = this.smalltalkShare();
    for (const category of CUE_CATEGORIES) {
      const count = this.count(category);
      if (count > 0) named[`cue_${category}`] = count;
    }
    named['hard_cues'] = this.hardCues;
    named['tools'] = tools;
    return named;
  }

  /** Cues in the caller's own words: a text that is to be translated or summarised asks for nothing itself. */
  private readCues(instruction: string): void {
    this.spoken = this.folded;
    this.found = CUE_MATCHER.count(this.folded, this.cues);
    if (this.found & PAYLOAD_CUES) {
      this.foldedHead.read(withoutPayload(instruction));
      const found = CUE_MATCHER.count(this.foldedHead, this.cues);
      if (found & PAYLOAD_CUES) {
        this.found = found;
        this.spoken = this.foldedHead;
      } else CUE_MATCHER.count(this.folded, this.cues);
    }
    this.hardCues = 0;
    for (let category = 0; category < HARD_CATEGORIES; category += 1) this.hardCues += this.cues[category]!;
  }

  private readLines(examined: string): void {
    this.codeLines = this.listItems = this.options = 0;
    for (const line of examined.split('\n', NEEDED_LINES)) {
      if (line.length === 0 || line.length > LONGEST_LINE) continue;
      if (OPTION_LINE.test(line)) this.options += 1;
      else if (LISTED_LINE.test(line)) this.listItems += 1;
      else if (CODE_LINE.test(line)) this.codeLines += 1;
    }
  }
}

/** Tokens of a text; of a long one, its ends scaled up, so that megabytes cost no more than kilobytes. */
function tokensOf({ text }: Prompt): number {
  const sample = sampleOf(text);
  return Math.round(estimateTextTokens(sample) * (text.length / Math.max(1, sample.length)));
}

const countOf = (pattern: RegExp, text: string): number => text.match(pattern)?.length ?? 0;

/**
 * How many arithmetic operators stand between numbers. `-` and `/` without spaces count only where the message is
 * hardly more than that one operation, as elsewhere they make dates, telephone numbers and ranges.
 *
 * @param words how many words the whole message has
 */
function countOperators(text: string, words: number): number {
  let operators = 0;
  for (const [chain] of text.matchAll(NUMBER_CHAIN)) {
    const clear = chain.match(SIGN)?.length ?? 0;
    const tight = chain.match(TIGHT_SIGN)?.length ?? 0;
    if (clear > 0) operators += clear + tight;
    else if (words <= BARE_CALCULATION_WORDS && TIGHT_OPERATION.test(chain)) operators += 1;
  }
  return operators;
}

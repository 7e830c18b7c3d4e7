import type { ChatMessage, ChatRequest } from '../../common/chat.js';
import { partsOf } from '../../common/chat.js';
import type { HistoryTurn } from '../../common/conversation.js';
import { estimateTextTokens } from '../../common/token-estimate.js';
import { countOperators } from './arithmetic.js';
import { subjectOf } from './conversation-subject.js';
import type { CueCategory } from './cue-lexicon.js';
import { EASY_CUES, HARD_CUES, PAYLOAD_CATEGORIES } from './cue-lexicon.js';
import type { CueHit } from './cue-matcher.js';
import { CueMatcher } from './cue-matcher.js';
import { FoldedText } from './folded-text.js';
import { TextCodes } from '../../common/text-codes.js';
import { examinedPart, instructionPart, sampleOf, withoutPayload } from './prompt-text.js';

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
const NEEDED_LINES = 400;

/** Kinds of characters, as bits: most patterns need one of them, and most prompts have none. */
const QUESTION = 1;
const DIGIT = 2;
/** What each alternative of `MATH_SYMBOL` has. */
const MATH = 4;
/** What each alternative of `STACK_FRAME` has. */
const FRAME = 8;
const FOREIGN = QUESTION | MATH;
const KIND_OF = new Uint8Array(128);
for (const [characters, kind] of [
  ['?', QUESTION],
  ['0123456789', DIGIT],
  ['\\^+=-(', MATH],
  ['(":', FRAME],
] as const) {
  for (const character of characters) KIND_OF[character.charCodeAt(0)]! |= kind;
}

const source = new TextCodes();

function kindsIn(text: string): number {
  source.read(text);
  const { codes, length } = source;
  let kinds = 0;
  for (let i = 0; i < length; i += 1) {
    const code = codes[i]!;
    kinds |= code < 128 ? KIND_OF[code]! : FOREIGN;
  }
  return kinds;
}

const cues = new CueMatcher({ ...HARD_CUES, ...EASY_CUES });
const folded = new FoldedText();
const foldedHead = new FoldedText();
const HARD_CATEGORIES: ReadonlySet<string> = new Set(Object.keys(HARD_CUES));
/** Names of the features that count cues, by category: made once, as the rules ask for some fifty of them a prompt. */
const CUE_FEATURES = new Map(
  Object.keys({ ...HARD_CUES, ...EASY_CUES }).map((category) => [category, `cue_${category}` as CueFeature]),
);

type CueFeature = `cue_${CueCategory}`;

/** Numbers of one prompt, by name; `cue_*` counts the phrases of a category and is absent when there is none. */
export type PromptFeatures = Readonly<Record<string, number>>;

/** Everything the rules look at, computed once. Time is bounded whatever the size and the script of the text. */
export function promptFeatures(request: ChatRequest, history: readonly HistoryTurn[]): PromptFeatures {
  const subject = subjectOf(request.messages, history);
  const features = textFeatures(subject.text, estimateTokensOf(subject.text));
  features['follow_up'] = subject.followUp ? 1 : 0;
  features['user_turns'] = subject.turns;
  features['tools'] = Array.isArray(request.tools) ? request.tools.length : 0;
  features['attachments'] = request.messages.reduce((sum, message) => sum + attachmentsOf(message), 0);
  return features;
}

function textFeatures(text: string, tokens: number): Record<string, number> {
  const examined = examinedPart(text);
  const kinds = kindsIn(examined);
  const instruction = instructionPart(examined);
  const { words } = folded.read(instruction);
  const spoken = spokenCues(instruction);
  const lines = lineFeatures(examined);
  const features: Record<string, number> = {
    tokens,
    words,
    questions: kinds & QUESTION ? countOf(QUESTION_MARK, examined) : 0,
    numbers: kinds & DIGIT ? countOf(NUMBER, instruction) : 0,
    operators: kinds & DIGIT ? countOperators(instruction, words) : 0,
    math_symbols: kinds & MATH ? countOf(MATH_SYMBOL, examined) : 0,
    stack_trace: kinds & FRAME && STACK_FRAME.test(examined) ? 1 : 0,
    code_lines: lines.code_lines,
    list_items: lines.list_items,
    options: lines.options,
    smalltalk_share: smalltalkShare(spoken),
  };
  let hard = 0;
  for (const { category } of spoken) {
    const name = CUE_FEATURES.get(category)!;
    features[name] = (features[name] ?? 0) + 1;
    if (HARD_CATEGORIES.has(category)) hard += 1;
  }
  features['hard_cues'] = hard;
  return features;
}

const countOf = (pattern: RegExp, text: string): number => text.match(pattern)?.length ?? 0;

/** Cues in the caller's own words: a text that is to be translated or summarised asks for nothing itself. */
function spokenCues(instruction: string): CueHit[] {
  const hits = cues.find(folded);
  if (!hits.some((hit) => PAYLOAD_CATEGORIES.has(hit.category))) return hits;
  const own = cues.find(foldedHead.read(withoutPayload(instruction)));
  return own.some((hit) => PAYLOAD_CATEGORIES.has(hit.category)) ? own : hits;
}

/** Share of the letters that greetings, thanks and the words around them make up, 0 to 1. */
function smalltalkShare(hits: readonly CueHit[]): number {
  if (!hits.some((hit) => hit.category === 'smalltalk')) return 0;
  const { codes, length } = folded;
  let covered = 0;
  let reached = 0;
  for (const { category, start, end } of hits) {
    if (category !== 'smalltalk' && category !== 'filler') continue;
    for (let i = Math.max(start, reached); i < end; i += 1) if (codes[i] !== 32) covered += 1;
    reached = Math.max(reached, end);
  }
  let letters = 0;
  for (let i = 0; i < length; i += 1) if (codes[i] !== 32) letters += 1;
  return letters === 0 ? 0 : covered / letters;
}

function lineFeatures(examined: string): Record<'code_lines' | 'list_items' | 'options', number> {
  const counts = { code_lines: 0, list_items: 0, options: 0 };
  for (const line of examined.split('\n', NEEDED_LINES)) {
    if (line.length === 0 || line.length > 400) continue;
    if (OPTION_LINE.test(line)) counts.options += 1;
    else if (LISTED_LINE.test(line)) counts.list_items += 1;
    else if (CODE_LINE.test(line)) counts.code_lines += 1;
  }
  return counts;
}

/** Tokens of a text; of a long one, its ends scaled up, so that megabytes cost no more than kilobytes. */
function estimateTokensOf(text: string): number {
  const sample = sampleOf(text);
  return Math.round(estimateTextTokens(sample) * (text.length / Math.max(1, sample.length)));
}

const attachmentsOf = (message: ChatMessage): number => partsOf(message).filter(({ type }) => type !== 'text').length;

/** How often phrases of a category were found. */
export const cueCount = (features: PromptFeatures, category: CueCategory): number =>
  features[CUE_FEATURES.get(category)!] ?? 0;

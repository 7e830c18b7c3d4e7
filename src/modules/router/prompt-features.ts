import type { ChatMessage, ChatRequest } from '../../common/chat.js';
import { partsOf } from '../../common/chat.js';
import type { HistoryTurn } from '../../common/conversation.js';
import { estimateTextTokens } from '../../common/token-estimate.js';
import { countOperators } from './arithmetic.js';
import { subjectOf } from './conversation-subject.js';
import type { CueCategory } from './cue-lexicon.js';
import { EASY_CUES, HARD_CUES, PAYLOAD_CATEGORIES } from './cue-lexicon.js';
import type { CueHit } from './cue-matcher.js';
import { CueMatcher, foldText } from './cue-matcher.js';
import { countWords, examinedPart, instructionPart, sampleOf, withoutPayload } from './prompt-text.js';

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

const cues = new CueMatcher({ ...HARD_CUES, ...EASY_CUES });
const HARD_CATEGORIES: ReadonlySet<string> = new Set(Object.keys(HARD_CUES));
/** Names of the features that count cues, by category: made once, as the rules ask for some fifty of them a prompt. */
const CUE_FEATURES = new Map(
  Object.keys({ ...HARD_CUES, ...EASY_CUES }).map((category) => [category, `cue_${category}` as CueFeature]),
);

type CueFeature = `cue_${CueCategory}`;

/** Numbers of one prompt, by name; `cue_*` counts the phrases of a category and is absent when there is none. */
export type PromptFeatures = Readonly<Record<string, number>>;

/** Features of a prompt without a conversation. */
export const featuresOfText = (text: string): PromptFeatures => textFeatures(text, estimateTokensOf(text));

/** Everything the rules look at, computed once. Time is bounded whatever the size and the script of the text. */
export function promptFeatures(request: ChatRequest, history: readonly HistoryTurn[]): PromptFeatures {
  const subject = subjectOf(request.messages, history);
  return {
    ...textFeatures(subject.text, estimateTokensOf(subject.text)),
    follow_up: subject.followUp ? 1 : 0,
    user_turns: subject.turns,
    tools: Array.isArray(request.tools) ? request.tools.length : 0,
    attachments: request.messages.reduce((sum, message) => sum + attachmentsOf(message), 0),
  };
}

function textFeatures(text: string, tokens: number): PromptFeatures {
  const examined = examinedPart(text);
  const instruction = instructionPart(examined);
  const folded = foldText(instruction);
  const words = countWords(folded);
  const spoken = spokenCues(instruction, folded);
  const features: Record<string, number> = {
    tokens,
    words,
    questions: examined.match(QUESTION_MARK)?.length ?? 0,
    numbers: instruction.match(NUMBER)?.length ?? 0,
    operators: countOperators(instruction, words),
    math_symbols: examined.match(MATH_SYMBOL)?.length ?? 0,
    stack_trace: STACK_FRAME.test(examined) ? 1 : 0,
    ...lineFeatures(examined),
    smalltalk_share: smalltalkShare(folded, spoken),
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

/** Cues in the caller's own words: a text that is to be translated or summarised asks for nothing itself. */
function spokenCues(instruction: string, folded: string): CueHit[] {
  const hits = cues.find(folded);
  if (!hits.some((hit) => PAYLOAD_CATEGORIES.has(hit.category))) return hits;
  const head = foldText(withoutPayload(instruction));
  const own = cues.find(head);
  return own.some((hit) => PAYLOAD_CATEGORIES.has(hit.category)) ? own : hits;
}

/** Share of the letters that greetings, thanks and the words around them make up, 0 to 1. */
function smalltalkShare(folded: string, hits: readonly CueHit[]): number {
  if (!hits.some((hit) => hit.category === 'smalltalk')) return 0;
  let covered = 0;
  let reached = 0;
  for (const { category, start, end } of hits) {
    if (category !== 'smalltalk' && category !== 'filler') continue;
    for (let i = Math.max(start, reached); i < end; i += 1) if (folded.charCodeAt(i) !== 32) covered += 1;
    reached = Math.max(reached, end);
  }
  let letters = 0;
  for (let i = 0; i < folded.length; i += 1) if (folded.charCodeAt(i) !== 32) letters += 1;
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

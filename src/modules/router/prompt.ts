import { textOf, type ChatMessage } from '../../common/chat.js';
import type { HistoryTurn } from '../../common/conversation.js';
import { TextCodes } from '../../common/text-codes.js';
import { cueBits } from './rules/cue-lexicon.js';
import { CUE_MATCHER } from './rules/cue-matcher.js';
import { FoldedText } from './rules/folded-text.js';

/** Patterns see this much of a long text; its whole length is a feature of its own. Characters. */
const EXAMINED_HEAD = 8192;
const EXAMINED_TAIL = 4096;
/** A longer message carries its own subject. */
const FOLLOW_UP_CHARACTERS = 48;
const FOLLOW_UP_WORDS = 6;
const FOLLOW_UP = cueBits('follow_up');
/** How far back the subject of "and why?" is looked for, user messages. */
const LOOK_BACK = 6;

/** Kinds of characters, as bits: most patterns need one of them, and most prompts have none. */
export const FOREIGN = 1;
export const DIGIT = 2;
export const QUESTION = 4;
/** What each form of `MATH_SYMBOL` has that is not foreign. */
export const MATH = 8;
/** What each form of `STACK_FRAME` has. */
export const FRAME = 16;

const KINDS = new Uint8Array(128);
for (const [characters, kind] of [
  ['0123456789', DIGIT],
  ['?', QUESTION],
  ['\\^+=-(', MATH],
  ['(":', FRAME],
] as const) {
  for (const character of characters) KINDS[character.charCodeAt(0)]! |= kind;
}

/** The first and the last of a text, so that time does not grow with it. */
export const endsOf = (text: string, head: number, tail: number): string =>
  text.length <= head + tail ? text : `${text.slice(0, head)}\n${text.slice(-tail)}`;

/**
 * The message that says what is wanted, read once for the rules and the artefact. Holds one at a time; what was made of
 * the one before is gone.
 */
export class Prompt {
  text = '';
  /** Whether the latest message is only a short continuation ("and why?") of this one. */
  followUp = false;
  /** What patterns look at: the text, or of a long one its ends. */
  examined = '';
  /** Whether `examined` is. */
  isAscii = true;
  private readonly source = new TextCodes();
  /** `null` until somebody asks. */
  private foundKinds: number | null = null;

  /** UTF-16 codes of `examined`; those from `length` on belong to earlier texts. */
  get codes(): Uint16Array {
    return this.source.codes;
  }

  get length(): number {
    return this.source.length;
  }

  /** The kinds of characters that `examined` has. */
  get kinds(): number {
    return (this.foundKinds ??= kindsOf(this.source));
  }

  /** Reads the latest message of the user, or the one that it refers back to. */
  readConversation(messages: readonly ChatMessage[], history: readonly HistoryTurn[]): this {
    const latest = userText(messages, history, () => true) ?? '';
    if (!isFollowUp(latest)) return this.read(latest);
    const subject = userText(messages, history, (text) => !isFollowUp(text));
    this.read(subject ?? latest);
    this.followUp = subject !== null;
    return this;
  }

  read(text: string): this {
    this.text = text;
    this.followUp = false;
    this.examined = endsOf(text, EXAMINED_HEAD, EXAMINED_TAIL);
    this.isAscii = Buffer.byteLength(this.examined) === this.examined.length;
    this.source.read(this.examined);
    this.foundKinds = null;
    return this;
  }
}

function kindsOf({ codes, length }: TextCodes): number {
  let kinds = 0;
  for (let i = 0; i < length; i += 1) {
    const code = codes[i]!;
    kinds |= code < 128 ? KINDS[code]! : FOREIGN;
  }
  return kinds;
}

const folded = new FoldedText();

/** "and why?", "continue", "为什么": short, and begins with a word that refers back. */
function isFollowUp(text: string): boolean {
  if (text.length > FOLLOW_UP_CHARACTERS) return false;
  folded.read(text);
  if (folded.pieces > FOLLOW_UP_WORDS) return false;
  const covered = CUE_MATCHER.endOf(folded, 1, FOLLOW_UP);
  // "more" refers back, "more than 3 apples" may not: at least half of the message must be the reference itself
  return covered > 0 && covered * 2 >= folded.length - 2;
}

/** The newest user message that `isIt` accepts, among the latest few. */
function userText(
  messages: readonly ChatMessage[],
  history: readonly HistoryTurn[],
  isIt: (text: string) => boolean,
): string | null {
  let left = LOOK_BACK;
  for (let turn = history.length; turn >= 0; turn -= 1) {
    const source = turn === history.length ? messages : history[turn]!.messages;
    for (let i = source.length - 1; i >= 0; i -= 1) {
      if (source[i]!.role !== 'user') continue;
      const text = textOf(source[i]!);
      if (isIt(text)) return text;
      left -= 1;
      if (left === 0) return null;
    }
  }
  return null;
}

const scratch = new Prompt();

/** Reads one text; what it returns holds until the next call. */
export const promptOf = (text: string): Prompt => scratch.read(text);

/** Reads what a conversation asks now; what it returns holds until the next call. */
export const conversationPrompt = (messages: readonly ChatMessage[], history: readonly HistoryTurn[]): Prompt =>
  scratch.readConversation(messages, history);

/** User messages of a conversation, those of the request included. */
export const userTurns = (messages: readonly ChatMessage[], history: readonly HistoryTurn[]): number =>
  [{ messages }, ...history].reduce((sum, turn) => sum + turn.messages.filter(({ role }) => role === 'user').length, 0);

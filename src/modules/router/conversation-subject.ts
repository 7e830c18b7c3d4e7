import type { ChatMessage } from '../../common/chat.js';
import { textOf } from '../../common/chat.js';
import type { HistoryTurn } from '../../common/conversation.js';
import { EASY_CUES } from './cue-lexicon.js';
import { CueMatcher } from './cue-matcher.js';
import { FoldedText } from './folded-text.js';

/** A longer message carries its own subject. */
const FOLLOW_UP_CHARACTERS = 48;
const FOLLOW_UP_WORDS = 6;
/** How far back the subject of "and why?" is looked for, user messages. */
const LOOK_BACK = 6;

const followUps = new CueMatcher({ follow_up: EASY_CUES.follow_up });
const folded = new FoldedText();

/** What the latest user message is about. */
export interface Subject {
  /** Text of the user message that says what is wanted. */
  readonly text: string;
  /** Whether the latest message is only a short continuation ("and why?") of that one. */
  readonly followUp: boolean;
  /** User messages of the conversation, the latest one included. */
  readonly turns: number;
}

/** "and why?", "continue", "为什么": short, and begins with a word that refers back. */
export function isFollowUp(text: string): boolean {
  if (text.length > FOLLOW_UP_CHARACTERS) return false;
  folded.read(text);
  if (folded.pieces > FOLLOW_UP_WORDS) return false;
  const opening = followUps.find(folded).filter((hit) => hit.start === 1);
  const covered = Math.max(0, ...opening.map((hit) => hit.end));
  // "more" refers back, "more than 3 apples" may not: at least half of the message must be the reference itself
  return covered > 0 && covered * 2 >= folded.length - 2;
}

/** Finds the message that says what is wanted: the latest one of the user, or the one it refers back to. */
export function subjectOf(messages: readonly ChatMessage[], history: readonly HistoryTurn[]): Subject {
  const texts = latestUserTexts(messages, history);
  const turns = countUserMessages(messages) + history.reduce((sum, turn) => sum + countUserMessages(turn.messages), 0);
  const latest = texts[0] ?? '';
  if (!isFollowUp(latest)) return { text: latest, followUp: false, turns };
  const subject = texts.find((text) => !isFollowUp(text));
  return { text: subject ?? latest, followUp: subject !== undefined, turns };
}

const countUserMessages = (messages: readonly ChatMessage[]): number =>
  messages.reduce((sum, message) => sum + (message.role === 'user' ? 1 : 0), 0);

/** Texts of the latest user messages, newest first. */
function latestUserTexts(messages: readonly ChatMessage[], history: readonly HistoryTurn[]): string[] {
  const texts: string[] = [];
  for (let turn = history.length; turn >= 0 && texts.length < LOOK_BACK; turn -= 1) {
    const source = turn === history.length ? messages : history[turn]!.messages;
    for (let i = source.length - 1; i >= 0 && texts.length < LOOK_BACK; i -= 1) {
      if (source[i]!.role === 'user') texts.push(textOf(source[i]!));
    }
  }
  return texts;
}

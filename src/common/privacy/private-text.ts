import type { ChatMessage, ChatRequest } from '../chat.js';
import type { PrivateKind } from '../config/config.schema.js';
import type { HistoryTurn } from '../conversation.js';
import { parseKeepingNumbers } from '../json/numbers.js';
import { sourceOf } from '../json/source.js';
import { isResultNote } from '../result-notes.js';
import { isMediaUrl } from './encoded-text.js';
import { PrivateScan } from './private-scan.js';
import { unveiled } from './unveiled-text.js';

/** In place of a kind, for an error message. */
export const UNREAD = 'more numbers and signs than are looked at';
export const UNREADABLE = 'a file that cannot be read as text';

/** What of a request must not leave. */
export interface PrivateText {
  /** None for a request without any. */
  readonly kinds: readonly (PrivateKind | typeof UNREAD | typeof UNREADABLE)[];
  /** The first field of the request with private text in it, such as `messages[2]` or `user`; else `messages`. */
  readonly field: string;
}

/** Which of `kinds` occur in a text. Reads all of it, in time linear in its length. */
export function findPrivateKinds(text: string, kinds: readonly PrivateKind[]): PrivateKind[] {
  const scan = new PrivateScan(kinds);
  scan.read(unveiled(text));
  return scan.found;
}

/**
 * Private text anywhere in what would be sent: every string, name and number of the body, whoever knows the field, and of
 * the stored conversation. Texts of one message are also read as one, as an address may be cut in two; so are the ends of
 * neighbouring messages, there only for what cannot come about by chance. `UNREAD` and `UNREADABLE` are to be treated as
 * private: text that has more places than are looked at, and a file that is neither text nor a picture, sound or video.
 */
export function findPrivateText(
  request: ChatRequest,
  history: readonly HistoryTurn[],
  kinds: readonly PrivateKind[],
): PrivateText {
  const scan = new PrivateScan(kinds);
  const field = readRequest(scan, request) ?? 'messages';
  readLost(scan, request);
  for (const { messages } of history) readAll(scan, messages);
  const found = scan.isUnreadable ? [...scan.found, UNREADABLE as typeof UNREADABLE] : scan.found;
  if (scan.isExhausted) return { kinds: [...found, UNREAD], field };
  const borders = new PrivateScan(CHECKED.filter((kind) => kinds.includes(kind) && !scan.found.includes(kind)));
  if (!borders.isComplete) borders.read(unveiled(bordersOf(request, history)));
  return { kinds: [...found, ...borders.found], field };
}

/** Reads one message and one field after the other. @returns the first that holds something */
function readRequest(scan: PrivateScan, { messages, ...others }: ChatRequest): string | null {
  let first: string | null = null;
  const note = (field: string): void => {
    if (scan.hasAny) first ??= field;
  };
  for (const [i, message] of messages.entries()) {
    readAll(scan, message);
    note(`messages[${i}]`);
  }
  for (const [field, value] of Object.entries(others)) {
    readAll(scan, { [field]: value });
    note(field);
  }
  return first;
}

/** What the data of a request lacks and its text, which goes to the server, has: a member named twice, all digits of a number. */
function readLost(scan: PrivateScan, request: ChatRequest): void {
  const source = sourceOf(request);
  if (source?.hasRepeats || source?.hidesMembers) scan.read(unveiled(source.text));
  else if (source?.wideNumbers) readAll(scan, parseKeepingNumbers(source.text));
}

/** Kinds whose form or check digits leave no room for chance, also where two messages meet. */
const CHECKED: readonly PrivateKind[] = ['email', 'creditCard', 'iban', 'apiKey'];
/** As much of a text as such a thing takes, characters. */
const BORDER = 64;

/**
 * The ends of all messages one behind the other; what stands between the ends of one was read before. Where a door has put
 * notes of its own between them, once more without those.
 */
function bordersOf({ messages }: ChatRequest, history: readonly HistoryTurn[]): string {
  let text = '';
  let withoutNotes = '';
  let hasNotes = false;
  const add = ({ content }: ChatMessage): void => {
    const parts = typeof content === 'string' ? [content] : Array.isArray(content) ? content : [];
    const said = parts.filter((part) => !isResultNote(textIn(part)));
    const ends = endsOf(joinedTexts(parts));
    text += ends;
    withoutNotes += said.length === parts.length ? ends : endsOf(joinedTexts(said));
    hasNotes ||= said.length < parts.length;
  };
  for (const turn of history) turn.messages.forEach(add);
  messages.forEach(add);
  return hasNotes ? `${text}\n${withoutNotes}` : text;
}

const endsOf = (text: string): string =>
  text.length <= 2 * BORDER ? text : `${text.slice(0, BORDER)}\n${text.slice(-BORDER)}`;

/** Integers from here on may be numbers of cards, accounts or telephones. */
const SHORTEST_NUMBER = 1_000_000;

/** Items of a list of short numbers that may be the groups of one. */
const MOST_GROUPS = 8;

/** As much is read at a time, characters; more in one string would be copied once more than needed. */
const PIECE = 65_536;

/** Reads every string, name and long number of a value, and the texts of each list as one text too. */
function readAll(scan: PrivateScan, whole: unknown): void {
  let text = '';
  const add = (line: string): void => {
    text += `${line}\n`;
    if (text.length < PIECE) return;
    scan.read(unveiled(text));
    text = '';
  };
  // bodies are at most 128 levels deep
  const read = (name: string, value: unknown): void => {
    if (scan.isComplete) return;
    if (typeof value === 'string') {
      if (!isMediaUrl(value)) add(name === '' ? value : `${name}: ${value}`);
    } else if (typeof value === 'number' || typeof value === 'bigint') {
      if (value >= SHORTEST_NUMBER || value <= -SHORTEST_NUMBER) add(`${name}: ${value < 0 ? -value : value}`);
    } else if (Array.isArray(value)) {
      if (value.length > 1) add(joinedTexts(value));
      if (value.length <= MOST_GROUPS && value.every(Number.isInteger)) add(`${name}: ${value.join(',')}`);
      for (const item of value) read(name, item);
    } else if (typeof value === 'object' && value !== null) {
      for (const [field, item] of Object.entries(value)) {
        if (typeof item !== 'string') add(field);
        read(field, item);
      }
    }
  };
  read('', whole);
  scan.read(unveiled(text));
}

/** What is cut over the items of a list of texts, or of parts with a text. */
function joinedTexts(list: readonly unknown[]): string {
  let joined = '';
  for (const item of list) {
    const text = textIn(item);
    if (typeof text === 'string') joined += text;
  }
  return joined;
}

const textIn = (item: unknown): unknown =>
  typeof item === 'string' ? item : (item as { text?: unknown } | null)?.text;

import type { ChatMessage, ChatRequest } from '../chat.js';
import type { PrivateKind } from '../config/config.schema.js';
import type { HistoryTurn } from '../conversation.js';
import { PrivateScan } from './private-scan.js';
import { unveiled } from './unveiled-text.js';

/** Which of `kinds` occur in a text. Reads all of it, in time linear in its length. */
export function findPrivateKinds(text: string, kinds: readonly PrivateKind[]): PrivateKind[] {
  const scan = new PrivateScan(kinds);
  scan.read(unveiled(text));
  return scan.found;
}

/** What was found, and the first field of the request it stands in. */
export interface PrivateFinding {
  readonly kinds: readonly PrivateKind[];
  /** Such as `messages[2]` or `user`; `messages` for the stored conversation. */
  readonly param: string;
}

/**
 * Private text anywhere in what would be sent: every string, name and number of the body, whoever knows the field, and of
 * the stored conversation. Texts of one message are also read as one, as an address may be cut in two; so are the ends of
 * neighbouring messages, there only for what cannot come about by chance.
 *
 * @returns `null` when there is none
 */
export function findPrivateText(
  request: ChatRequest,
  history: readonly HistoryTurn[],
  kinds: readonly PrivateKind[],
): PrivateFinding | null {
  const scan = new PrivateScan(kinds);
  let param: string | null = null;
  const look = (value: unknown, where: string): void => {
    if (scan.isComplete) return;
    readAll(scan, value);
    if (scan.foundAny) param ??= where;
  };
  request.messages.forEach((message, i) => look(message, `messages[${i}]`));
  for (const [field, value] of Object.entries(request)) if (field !== 'messages') look({ [field]: value }, field);
  for (const { messages } of history) look(messages, 'messages');
  const borders = new PrivateScan(CHECKED.filter((kind) => kinds.includes(kind) && !scan.found.includes(kind)));
  readBorders(borders, [...history.flatMap(({ messages }) => messages), ...request.messages]);
  const found = [...scan.found, ...borders.found];
  return found.length > 0 ? { kinds: found, param: param ?? 'messages' } : null;
}

/** Kinds whose form or check digits leave no room for chance, also where two messages meet. */
const CHECKED: readonly PrivateKind[] = ['email', 'creditCard', 'iban', 'apiKey'];
/** As much of a text as such a thing takes, characters. */
const BORDER = 64;

function readBorders(scan: PrivateScan, messages: readonly ChatMessage[]): void {
  let tail = '';
  for (const message of messages) {
    if (scan.isComplete) return;
    const texts = contentTexts(message);
    const head = texts.join('').slice(0, BORDER);
    if (head === '') continue;
    if (tail !== '') scan.read(unveiled(tail + head));
    tail = (tail + texts.join('')).slice(-BORDER);
  }
}

function contentTexts({ content }: ChatMessage): string[] {
  if (typeof content === 'string') return [content];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part) => (typeof part?.text === 'string' ? [part.text] : []));
}

/** Integers from here on may be numbers of cards, accounts or telephones. */
const SHORTEST_NUMBER = 1_000_000;
/** What cannot be read as text: pictures, sound, video. */
const NO_TEXT = /^data:(?:image|audio|video)\//;

/** Reads every string, name and long number of a value, and the texts of each list as one text too. */
function readAll(scan: PrivateScan, value: unknown): void {
  const lines: string[] = [];
  const waiting: { readonly name: string; readonly value: unknown }[] = [{ name: '', value }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { name, value: at } = next;
    if (typeof at === 'string') lines.push(name === '' ? legible(at) : `${name}: ${legible(at)}`);
    else if (typeof at === 'number' || typeof at === 'bigint') {
      if (at >= SHORTEST_NUMBER && Number.isInteger(Number(at))) lines.push(`${name}: ${at}`);
    } else if (Array.isArray(at)) {
      const joined = joinedTexts(at);
      if (joined !== '') lines.push(joined);
      for (const item of at) waiting.push({ name, value: item });
    } else if (typeof at === 'object' && at !== null) {
      for (const [field, item] of Object.entries(at)) {
        if (typeof item !== 'string') lines.push(field);
        waiting.push({ name: field, value: item });
      }
    }
  }
  scan.read(unveiled(lines.join('\n')));
}

/** What is cut over the items of a list of texts, or of parts with a text; "" for a list of less than two. */
function joinedTexts(list: readonly unknown[]): string {
  const texts = list.flatMap((item) => {
    if (typeof item === 'string') return [item];
    const text = (item as { text?: unknown } | null)?.text;
    return typeof text === 'string' ? [text] : [];
  });
  return texts.length > 1 ? texts.join('') : '';
}

const DATA_URL = /^data:[^,]{0,200};base64,/;
const BASE64 = /^[A-Za-z0-9+/_-]{24,}={0,2}\s*$/;
/** Characters of a file that are looked at before it is taken for text. */
const SAMPLE = 512;

const BINARY = /[\u0000-\u0008\u000e-\u001a\ufffd]/;

/** A text as it is; a file in base64 with the text it holds, if it is one. */
function legible(text: string): string {
  if (NO_TEXT.test(text)) return '';
  const prefix = DATA_URL.exec(text)?.[0] ?? '';
  const sample = text.slice(prefix.length, prefix.length + SAMPLE);
  if (prefix === '' && !BASE64.test(sample)) return text;
  if (
    BINARY.test(
      Buffer.from(sample.slice(0, sample.length & ~3), 'base64')
        .toString('utf8')
        .slice(0, -1),
    )
  )
    return text;
  return `${text}\n${Buffer.from(text.slice(prefix.length), 'base64').toString('utf8')}`;
}

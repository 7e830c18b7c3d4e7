import { endsOf, type Prompt } from '../prompt.js';

/** What is wanted is said at the beginning or at the end of a long message. Characters. */
const INSTRUCTION_HEAD = 1200;
const INSTRUCTION_TAIL = 600;

const CODE_BLOCK = /```[^`]*(?:```|$)/g;
/** Quotation marks and what closes each. */
const QUOTES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['“', '”'],
  ['„', '“”'],
  ['«', '»'],
  ['「', '」'],
]);
const OPENING = /["“„«「]/g;
const LONGEST_QUOTATION = 600;
/** Where an instruction ends and the text it speaks of begins. */
const PAYLOAD_START = /[:：\n]/;

/** Enough of a text to tell its script. */
export const sampleOf = (text: string): string => endsOf(text, INSTRUCTION_HEAD, INSTRUCTION_TAIL);

/** What the caller says in their own words: without code blocks and quotations, and of long texts the ends. */
export function ownWords({ examined, isAscii }: Prompt): string {
  const spoken = examined.includes('```') ? examined.replace(CODE_BLOCK, ' ') : examined;
  const unquoted = !isAscii || spoken.includes('"') ? withoutQuotations(spoken) : spoken;
  // a message that is nothing but a quotation is meant itself
  return sampleOf(unquoted === spoken || unquoted.trim().length >= 8 ? unquoted : spoken);
}

/**
 * Each quotation of at most 600 characters on one line becomes a blank. Linear: where a mark's next end is, is looked for
 * once, however many such marks stand in front of it.
 */
export function withoutQuotations(text: string): string {
  const ends = new Map<string, number>();
  let kept = '';
  let from = 0;
  OPENING.lastIndex = 0;
  for (let mark = OPENING.exec(text); mark; mark = OPENING.exec(text)) {
    const at = mark.index;
    const closing = QUOTES.get(mark[0])!;
    let end = ends.get(closing) ?? 0;
    if (end <= at) {
      end = nextOf(text, closing, at + 1);
      ends.set(closing, end);
    }
    if (end >= text.length || text[end] === '\n' || end - at - 1 > LONGEST_QUOTATION) continue;
    kept += `${text.slice(from, at)} `;
    from = end + 1;
    OPENING.lastIndex = from;
  }
  return from === 0 ? text : kept + text.slice(from);
}

/** Where the line or the quotation ends. */
function nextOf(text: string, closing: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '\n' && !closing.includes(text[at]!)) at += 1;
  return at;
}

/** The instruction without the text it speaks of ("Translate this: ..."); the whole when it names none. */
export function withoutPayload(instruction: string): string {
  const end = instruction.search(PAYLOAD_START);
  return end > 0 ? instruction.slice(0, end) : instruction;
}

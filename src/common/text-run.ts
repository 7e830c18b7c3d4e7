import { completionIn } from './answer-shape.js';
import { hasContent, type ChatChunk, type ChatFrame, type Choice, type Completion } from './chat.js';
import { readableJson } from './json/readable.js';

/** Texts that come in pieces; a frame that brings a piece of one of them and says nothing else can be the next of a run. */
export const RUN_FIELDS = ['content', 'reasoning_content', 'reasoning'] as const;
export type RunField = (typeof RUN_FIELDS)[number];

const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;
/** Stands where the piece stood, to see that it is the piece. */
const PROBE = 'a piece of another text';
const DATA = 'data: ';
const EVENT_END = '\n\n';
/** OpenAI pads every frame to a length that tells nothing about the piece in it. */
const PADDING = '"obfuscation":"';

/**
 * Frames in a row that differ in nothing but the next piece of one text: nearly all of a stream. As a frame it is all of
 * them in one. Its JSON is made when somebody asks for it, as most of the time nobody does.
 */
export class TextRun implements ChatFrame {
  private read: Completion | null = null;

  constructor(
    private readonly like: FrameTemplate,
    /** The pieces, joined. */
    readonly piece: string,
    /** How many frames they came in. */
    readonly frames: number,
    /** The events as they came, `data: {...}\n\n` each; where the server speaks another protocol, as they go out. */
    readonly wire: string,
    /** Of the text they came in, characters. */
    readonly taken = wire.length,
  ) {}

  /** Of the choice that says it. */
  get index(): number {
    return this.like.index;
  }

  get field(): RunField {
    return this.like.field;
  }

  get text(): string {
    return this.like.textWith(this.piece);
  }

  get json(): Completion {
    return (this.read ??= completionIn(readableJson(this.text)) ?? {});
  }
}

/** Finds frames in a row that differ in nothing but the next piece of one text. */
export interface RunReader {
  /** The run that begins at this place of a text of events, where one does. Only whole events are taken. */
  runAt(text: string, from: number): TextRun | null;
}

/** The text of a frame that brings the next piece of one text, with a hole where the piece stands. */
export class FrameTemplate implements RunReader {
  private constructor(
    readonly index: number,
    readonly field: RunField,
    /** From `data: ` to the quote that opens the piece. */
    private readonly head: string,
    /** From the quote that closes it to the end of the event, or to the padding if there is any. */
    private readonly tail: string,
    /** From the quote that closes the padding to the end of the event; '' = there is none. */
    private readonly afterPadding: string,
  ) {}

  /** @returns `null` for a frame that says more, or says it in a way that a hole cannot stand for */
  static of(text: string, json: Completion): FrameTemplate | null {
    const field = pieceField(json);
    if (!field) return null;
    const index = indexOf(json);
    const name = `"${field}":`;
    const found = text.lastIndexOf(name);
    let open = found + name.length;
    while (text.charCodeAt(open) === SPACE) open += 1;
    if (found < 0 || text.charCodeAt(open) !== QUOTE) return null;
    const head = text.slice(0, open + 1);
    const tail = text.slice(endOfString(text, open + 1));
    const probe = completionIn(readableJson(head + PROBE + tail));
    if (probe?.choices?.[0]?.delta?.[field] !== PROBE) return null;
    const padding = tail.indexOf(PADDING);
    if (padding < 0) return new FrameTemplate(index, field, DATA + head, tail + EVENT_END, '');
    const until = padding + PADDING.length;
    const after = tail.slice(endOfString(tail, until)) + EVENT_END;
    return new FrameTemplate(index, field, DATA + head, tail.slice(0, until), after);
  }

  runAt(text: string, from: number): TextRun | null {
    const { head, tail, afterPadding } = this;
    let at = from;
    let piece = '';
    let frames = 0;
    while (text.startsWith(head, at)) {
      const begin = at + head.length;
      const end = endOfString(text, begin);
      if (!text.startsWith(tail, end)) break;
      let next = end + tail.length;
      if (afterPadding !== '') {
        next = endOfString(text, next);
        if (!text.startsWith(afterPadding, next)) break;
        next += afterPadding.length;
      }
      const said = unescaped(text.slice(begin, end));
      if (said === null) break;
      piece += said;
      frames += 1;
      at = next;
    }
    return frames === 0 ? null : new TextRun(this, piece, frames, text.slice(from, at));
  }

  /** The event that brings a piece. @param quoted the piece as it stands between the quotes of JSON */
  eventWith(quoted: string): string {
    return this.head + quoted + this.tail + this.afterPadding;
  }

  /** The JSON text of one frame with this piece; padding is left out. */
  textWith(piece: string): string {
    const rest = this.afterPadding === '' ? this.tail : this.tail + this.afterPadding;
    return this.head.slice(DATA.length) + JSON.stringify(piece).slice(1, -1) + rest.slice(0, -EVENT_END.length);
  }
}

/** Whether a chunk brings something that a reader can use. */
export function bringsContent({ frames }: ChatChunk): boolean {
  for (const frame of frames) {
    if (frame instanceof TextRun ? frame.piece !== '' : hasContent(frame.json)) return true;
  }
  return false;
}

/** Where the string ends that is open at this place; the length of the text where it does not. */
export function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at += 1;
    else if (code < SPACE) return text.length;
  }
  return text.length;
}

/** @returns `null` for what is no text between quotes of JSON */
export function unescaped(quoted: string): string | null {
  if (!quoted.includes('\\')) return quoted;
  const value = readableJson(`"${quoted}"`);
  return typeof value === 'string' ? value : null;
}

/** The field whose next piece is all that a frame says; saying the rest of it again changes nothing. */
function pieceField({ choices, usage }: Completion): RunField | null {
  const [choice] = choices ?? [];
  if (!choice || choices!.length > 1 || usage || typeof choice.delta !== 'object') return null;
  if (!saysOnlyDelta(choice)) return null;
  let found: RunField | null = null;
  for (const [field, value] of Object.entries(choice.delta)) {
    if (field === 'role' || isNothing(value)) continue;
    if (found !== null || typeof value !== 'string' || !isRunField(field)) return null;
    found = field;
  }
  return found;
}

const isRunField = (field: string): field is RunField => (RUN_FIELDS as readonly string[]).includes(field);
const isNothing = (value: unknown): boolean =>
  value === null || value === '' || (Array.isArray(value) && value.length === 0);

function saysOnlyDelta(choice: Choice): boolean {
  for (const [field, value] of Object.entries(choice)) {
    if (field !== 'delta' && field !== 'index' && value !== null) return false;
  }
  return true;
}

function indexOf({ choices }: Completion): number {
  const index: unknown = choices?.[0]?.index;
  return typeof index === 'number' ? index : 0;
}

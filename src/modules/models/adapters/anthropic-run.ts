import type { Completion } from '../../../common/chat.js';
import { isFields } from '../../../common/json/fields.js';
import { readableJson } from '../../../common/json/readable.js';
import { endOfString, FrameTemplate, TextRun, unescaped, type RunReader } from '../../../common/text-run.js';

const NAME = 'event: content_block_delta\n';
const DATA = 'data: ';
const CLOSE = '"}';
const SPACE = 32;
const BRACE = 125;
const EVENT_END = '\n\n';
const FIELD = '"text":';
/** Stands where the piece stood, to see that it is the piece. */
const PROBE = 'a piece of another text';

/**
 * Anthropic's `text_delta` events in a row, nearly all of a stream: they are read as one run, and go out as chat frames that
 * are put together from the pieces as they stand there. Between its last two braces the API puts spaces, which tell
 * nothing about the piece.
 */
export class DeltaTemplate implements RunReader {
  private constructor(
    private readonly frame: FrameTemplate,
    /** The payload until the quote that opens the piece. */
    private readonly head: string,
  ) {}

  /**
   * @param event payload of a `text_delta`
   * @param text of the frame that was made of it
   * @returns `null` for an event that says more than the next piece of a text
   */
  static of(event: string, text: string, json: Completion): DeltaTemplate | null {
    const found = event.lastIndexOf(FIELD);
    const open = event.indexOf('"', found + FIELD.length);
    const head = event.slice(0, open + 1);
    if (found < 0 || open < 0 || event.includes('\n') || !isPiece(readableJson(`${head}${PROBE}"}}`))) return null;
    const frame = FrameTemplate.of(text, json);
    return frame && new DeltaTemplate(frame, head);
  }

  runAt(text: string, from: number): TextRun | null {
    const { frame } = this;
    let at = from;
    let piece = '';
    let frames = 0;
    let wire = '';
    for (let begin = this.pieceAt(text, at); begin >= 0; begin = this.pieceAt(text, at)) {
      const end = endOfString(text, begin);
      const next = endOfEvent(text, end);
      if (next < 0) break;
      const quoted = text.slice(begin, end);
      const said = unescaped(quoted);
      if (said === null) break;
      piece += said;
      frames += 1;
      if (quoted !== '') wire += frame.eventWith(quoted);
      at = next;
    }
    return frames === 0 ? null : new TextRun(frame, piece, frames, wire, at - from);
  }

  private pieceAt(text: string, from: number): number {
    const named = text.startsWith(NAME, from) ? from + NAME.length : from;
    if (!text.startsWith(DATA, named) || !text.startsWith(this.head, named + DATA.length)) return -1;
    return named + DATA.length + this.head.length;
  }
}

/** Where the event ends whose piece ends here; -1 where it says more, or is not whole. */
function endOfEvent(text: string, from: number): number {
  if (!text.startsWith(CLOSE, from)) return -1;
  let at = from + CLOSE.length;
  while (text.charCodeAt(at) === SPACE) at += 1;
  if (text.charCodeAt(at) !== BRACE) return -1;
  at += 1;
  while (text.charCodeAt(at) === SPACE) at += 1;
  return text.startsWith(EVENT_END, at) ? at + EVENT_END.length : -1;
}

/** Whether it is a `text_delta` with this piece, and nothing else in it. */
function isPiece(event: unknown): boolean {
  if (!isFields(event) || Object.keys(event).length !== 3) return false;
  const { delta } = event;
  return isFields(delta) && Object.keys(delta).length === 2 && delta['text'] === PROBE;
}

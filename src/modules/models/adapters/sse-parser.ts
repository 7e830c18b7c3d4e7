import { StringDecoder } from 'node:string_decoder';
import type { RunReader, TextRun } from '../../../common/text-run.js';

/** A server that never ends an event must not fill the memory. */
const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024;
const LINE_END = /[\n\r]/;
const BYTE_ORDER_MARK = '\uFEFF';
const COLON = 58;
const SPACE = 32;
const BRACE = 123;
const KNOWN_FIELD = /^(id|retry|data)(:|$)/;

export class SseEventTooLarge extends Error {}

/** An event that the server itself calls an error. */
export class SseError {
  /** @param data its payload, '' when there is none */
  constructor(readonly data: string) {}
}

/** What the next event turned out to be: its payload, an error, or a run of frames. */
export type SseItem = string | SseError | TextRun;

/**
 * Server-sent events to their `data` payloads, incrementally: bytes may be split anywhere, also inside a character. `push`
 * takes bytes, `next` hands out what they completed, event by event.
 * Comments are counted. Of the other fields only `event: error` says something in a chat-completions stream, and the
 * field `error` that llama.cpp had until autumn 2025; both make an `SseError`, as does an error object on a line of its
 * own: what a server writes whose stream has broken off behind its back.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class SseParser {
  /** Comments so far: signs of life without content. */
  comments = 0;
  /** Lines so far that are of no field of the format: maybe plain words about an error. */
  strangeLines = 0;
  private readonly decoder = new StringDecoder('utf8');
  private text = '';
  /** Where the next line of `text` begins. */
  private at = 0;
  /** `text` has no line end after `at`. */
  private inLine = false;
  /** `text` ends in a CR, which may be half of a CRLF. */
  private halfLineEnd = false;
  private data: string | null = null;
  private isError = false;
  private atStart = true;

  /** Takes the next bytes. @throws SseEventTooLarge when one event exceeds 4 Mi characters */
  push(bytes: Buffer): void {
    this.take(this.decoder.write(bytes));
  }

  /** Nothing more comes: an event that lacks its blank line is complete. */
  end(): void {
    this.take(`${this.decoder.end()}\n\n`);
  }

  /**
   * The next event that is complete, in order; `undefined` when there is none.
   *
   * @param like how the frames of this stream look; all in a row that are like it are taken at once
   */
  next(like: RunReader | null = null): SseItem | undefined {
    const { text } = this;
    while (!this.inLine) {
      const from = this.at;
      if (like !== null && this.data === null && !this.isError) {
        const run = like.runAt(text, from);
        if (run !== null) {
          this.at = from + run.taken;
          return run;
        }
      }
      const end = text.indexOf('\n', from);
      this.inLine = end === -1;
      if (this.inLine) break;
      this.at = end + 1;
      if (end === from) {
        const event = this.event();
        if (event !== null) return event;
      } else if (text.startsWith('data:', from)) this.addData(valueOf(text, from + 5, end));
      else this.readOther(text, from, end);
    }
    return undefined;
  }

  private take(decoded: string): void {
    const rest = this.at === 0 ? this.text : this.text.slice(this.at);
    if (rest.length + (this.data?.length ?? 0) > MAX_EVENT_CHARACTERS) throw new SseEventTooLarge();
    const text = rest + decoded;
    this.at = 0;
    // in the middle of a long line; joined strings are not copied until they are searched
    this.inLine = rest !== '' && !this.halfLineEnd && !LINE_END.test(decoded);
    this.text = !this.inLine && text.includes('\r') ? withLineFeeds(text) : text;
    this.halfLineEnd = decoded === '' ? this.halfLineEnd : decoded.endsWith('\r');
    if (this.atStart && text.length > 0) {
      this.atStart = false;
      if (text.startsWith(BYTE_ORDER_MARK)) this.at = 1;
    }
  }

  private event(): string | SseError | null {
    const { data, isError } = this;
    this.data = null;
    this.isError = false;
    return isError ? new SseError(data ?? '') : data;
  }

  private addData(value: string): void {
    this.data = this.data === null ? value : `${this.data}\n${value}`;
  }

  private readOther(text: string, from: number, end: number): void {
    const first = text.charCodeAt(from);
    if (first === COLON) this.comments += 1;
    else if (first === BRACE && isBareError(text.slice(from, end))) {
      this.isError = true;
      this.addData(text.slice(from, end));
    } else if (text.startsWith('event:', from)) this.isError = valueOf(text, from + 6, end).trim() === 'error';
    else if (text.startsWith('error:', from)) {
      this.isError = true;
      this.addData(valueOf(text, from + 6, end));
    } else if (!KNOWN_FIELD.test(text.slice(from, Math.min(end, from + 6)))) this.strangeLines += 1;
  }
}

const isBareError = (line: string): boolean => /^\{\s{0,9}"(error|detail|object"\s{0,9}:\s{0,9}"error)"/.test(line);

/** One space after the colon belongs to the format. */
const valueOf = (text: string, from: number, end: number): string =>
  text.slice(text.charCodeAt(from) === SPACE ? from + 1 : from, end);

/** All three line ends of the format become LF; a CR at the very end may be half of a CRLF and stays. */
function withLineFeeds(text: string): string {
  const half = text.endsWith('\r');
  const whole = half ? text.slice(0, -1) : text;
  return whole.replaceAll('\r\n', '\n').replaceAll('\r', '\n') + (half ? '\r' : '');
}

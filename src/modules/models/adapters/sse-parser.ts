import { StringDecoder } from 'node:string_decoder';

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

/**
 * Server-sent events to their `data` payloads, incrementally: bytes may be split anywhere, also inside a character.
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
  private rest = '';
  /** `rest` ends in a CR, which may be half of a CRLF. */
  private halfLineEnd = false;
  private data: string | null = null;
  private isError = false;
  private atStart = true;

  /**
   * The payloads these bytes complete, in order.
   *
   * @throws SseEventTooLarge when one event exceeds 4 Mi characters
   */
  push(bytes: Buffer): (string | SseError)[] {
    const text = this.decoder.write(bytes);
    if (this.rest !== '' && !this.halfLineEnd && !LINE_END.test(text)) {
      // in the middle of a long line; joined strings are not copied until they are searched
      this.rest += text;
      this.assertBounded();
      return [];
    }
    return this.consume(this.rest + text);
  }

  /** A last event that the server did not end with a blank line, if there is one. */
  end(): (string | SseError)[] {
    return this.consume(`${this.rest}${this.decoder.end()}\n\n`);
  }

  private consume(input: string): (string | SseError)[] {
    const text = input.includes('\r') ? withLineFeeds(input) : input;
    const payloads: (string | SseError)[] = [];
    let from = 0;
    if (this.atStart && text.length > 0) {
      this.atStart = false;
      if (text.startsWith(BYTE_ORDER_MARK)) from = 1;
    }
    for (let end = text.indexOf('\n', from); end !== -1; end = text.indexOf('\n', from)) {
      if (end === from) this.endEvent(payloads);
      else if (text.startsWith('data:', from)) this.addData(valueOf(text, from + 5, end));
      else this.readOther(text, from, end);
      from = end + 1;
    }
    this.rest = from === 0 ? text : text.slice(from);
    this.halfLineEnd = text.endsWith('\r');
    this.assertBounded();
    return payloads;
  }

  private endEvent(payloads: (string | SseError)[]): void {
    if (this.isError) payloads.push(new SseError(this.data ?? ''));
    else if (this.data !== null) payloads.push(this.data);
    this.data = null;
    this.isError = false;
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

  private assertBounded(): void {
    if (this.rest.length + (this.data?.length ?? 0) > MAX_EVENT_CHARACTERS) throw new SseEventTooLarge();
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

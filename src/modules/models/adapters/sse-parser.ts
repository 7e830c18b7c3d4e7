import { StringDecoder } from 'node:string_decoder';

/** A server that never ends an event must not fill the memory. */
const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024;
const LINE_END = /[\n\r]/;
const BYTE_ORDER_MARK = '\uFEFF';

export class SseEventTooLarge extends Error {}

/**
 * Server-sent events to their `data` payloads, incrementally: bytes may be split anywhere, also inside a character.
 * Comments and the fields `event`, `id` and `retry` are passed over; chat-completions servers put nothing in them.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class SseParser {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';
  /** `rest` ends in a CR, which may be half of a CRLF. */
  private halfLineEnd = false;
  private data: string | null = null;
  private atStart = true;

  /**
   * The payloads these bytes complete, in order.
   *
   * @throws SseEventTooLarge when one event exceeds 4 Mi characters
   */
  push(bytes: Buffer): string[] {
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
  end(): string[] {
    return this.consume(`${this.rest}${this.decoder.end()}\n\n`);
  }

  private consume(input: string): string[] {
    const text = input.includes('\r') ? withLineFeeds(input) : input;
    const payloads: string[] = [];
    let from = 0;
    if (this.atStart && text.length > 0) {
      this.atStart = false;
      if (text.startsWith(BYTE_ORDER_MARK)) from = 1;
    }
    for (let end = text.indexOf('\n', from); end !== -1; end = text.indexOf('\n', from)) {
      if (end === from) {
        if (this.data !== null) payloads.push(this.data);
        this.data = null;
      } else if (text.startsWith('data:', from)) {
        const value = text.slice(text.charCodeAt(from + 5) === 32 ? from + 6 : from + 5, end);
        this.data = this.data === null ? value : `${this.data}\n${value}`;
      }
      from = end + 1;
    }
    this.rest = from === 0 ? text : text.slice(from);
    this.halfLineEnd = text.endsWith('\r');
    this.assertBounded();
    return payloads;
  }

  private assertBounded(): void {
    if (this.rest.length + (this.data?.length ?? 0) > MAX_EVENT_CHARACTERS) throw new SseEventTooLarge();
  }
}

/** All three line ends of the format become LF; a CR at the very end may be half of a CRLF and stays. */
function withLineFeeds(text: string): string {
  const half = text.endsWith('\r');
  const whole = half ? text.slice(0, -1) : text;
  return whole.replaceAll('\r\n', '\n').replaceAll('\r', '\n') + (half ? '\r' : '');
}

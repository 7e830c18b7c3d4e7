import { connect, type Socket } from 'node:net';
import { bytesOf, type Call } from './call.js';

export interface Answer {
  readonly status: number;
  /** Names in lower case; several of one name joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** Milliseconds. */
  readonly ms: number;
}

/** How it went: an answer, or how the connection ended without a whole one. */
export type Outcome = Answer | 'left' | 'closed' | 'late' | 'garbled';

/** A server may wait for the rest of a request that says it is longer than it is. */
const PATIENCE_MS = 500;
const BODILESS = new Set([204, 304]);

/** The connections of one caller; kept open between requests as long as both sides agree. */
export class Wire {
  private idle: Socket | null = null;
  /** Of the call that is under way; an answer ends it, or `close`. */
  private busy: Socket | null = null;
  private isClosed = false;

  constructor(
    private readonly url: URL,
    private readonly deadlineMs: number,
  ) {}

  /** Sends one call and reads its answer. A connection that was kept and found closed is tried once anew. */
  async send(call: Call): Promise<Outcome> {
    const kept = this.idle;
    this.idle = null;
    const outcome = await this.exchange(call, kept ?? this.open());
    return kept && outcome === 'closed' && !call.isBroken && !this.isClosed
      ? this.exchange(call, this.open())
      : outcome;
  }

  /** Also ends what is under way, as `closed`. */
  close(): void {
    this.isClosed = true;
    this.idle?.destroy();
    this.busy?.destroy();
  }

  private open(): Socket {
    return connect({ host: this.url.hostname, port: Number(this.url.port), noDelay: true });
  }

  private exchange(call: Call, socket: Socket): Promise<Outcome> {
    this.busy = socket;
    const begun = performance.now();
    const reader = new AnswerReader(call.method === 'HEAD');
    return new Promise((resolve) => {
      const end = (outcome: Outcome): void => {
        clearTimeout(timer);
        socket.removeAllListeners();
        socket.on('error', ignoreReset);
        this.busy = null;
        const isDone = typeof outcome === 'object';
        if (isDone && reader.keepsAlive && !call.isBroken && !reader.hasRest && !this.isClosed) this.idle = socket;
        else socket.destroy();
        resolve(outcome);
      };
      const timer = call.isBroken
        ? setTimeout(() => end('left'), PATIENCE_MS)
        : setTimeout(() => end('late'), this.deadlineMs);
      const finish = (): void => {
        const whole = reader.whole(performance.now() - begun);
        if (whole) end(whole);
      };
      socket.on('data', (bytes: Buffer) => {
        if (call.leaves === 'answer') return end('left');
        reader.add(bytes);
        if (reader.isGarbled) return end('garbled');
        finish();
      });
      socket.on('error', ignoreReset);
      socket.on('close', () => {
        reader.closed();
        finish();
        end('closed');
      });
      const bytes = bytesOf(call, this.url.host);
      if (typeof call.leaves !== 'number') return void socket.write(bytes);
      socket.write(bytes.subarray(0, call.leaves % bytes.length), () => end('left'));
    });
  }
}

/** The answer that came before a reset counts; `close` follows. */
const ignoreReset = (): void => undefined;

/** Reads one HTTP/1.1 answer (RFC 9112) out of what comes. */
class AnswerReader {
  private bytes: Buffer = Buffer.alloc(0);
  private isClosed = false;
  isGarbled = false;
  keepsAlive = true;
  /** More came than the answer. */
  hasRest = false;

  constructor(private readonly isHead: boolean) {}

  add(bytes: Buffer): void {
    this.bytes = this.bytes.length === 0 ? bytes : Buffer.concat([this.bytes, bytes]);
    if (!'HTTP/1.1 '.startsWith(this.bytes.toString('latin1', 0, Math.min(9, this.bytes.length))))
      this.isGarbled = true;
  }

  closed(): void {
    this.isClosed = true;
  }

  whole(ms: number): Answer | null {
    const end = this.bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const lines = this.bytes.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(lines[0] ?? '')?.[1] ?? 0);
    const rest = this.bytes.subarray(end + 4);
    if (status >= 100 && status < 200 && status !== 101) {
      this.bytes = rest;
      return this.whole(ms);
    }
    const headers = headersIn(lines.slice(1));
    this.keepsAlive = headers.get('connection') !== 'close';
    const body = this.bodyIn(rest, status, headers);
    return body && { status, headers, body, ms };
  }

  private bodyIn(rest: Buffer, status: number, headers: ReadonlyMap<string, string>): Buffer | null {
    if (this.isHead || BODILESS.has(status)) return this.cut(rest, 0);
    if (headers.get('transfer-encoding') === 'chunked') return this.unchunked(rest);
    const length = headers.get('content-length');
    if (length !== undefined) return rest.length < Number(length) ? null : this.cut(rest, Number(length));
    this.keepsAlive = false;
    return this.isClosed ? rest : null;
  }

  private cut(rest: Buffer, length: number): Buffer {
    this.hasRest = rest.length > length;
    return rest.subarray(0, length);
  }

  private unchunked(rest: Buffer): Buffer | null {
    const pieces: Buffer[] = [];
    for (let at = 0; ;) {
      const lineEnd = rest.indexOf('\r\n', at);
      if (lineEnd < 0) return null;
      const size = parseInt(rest.toString('latin1', at, lineEnd), 16);
      const from = lineEnd + 2;
      if (Number.isNaN(size)) this.isGarbled = true;
      if (Number.isNaN(size) || rest.length < from + size + 2) return null;
      if (size === 0) {
        this.hasRest = rest.length > from + 2;
        return Buffer.concat(pieces);
      }
      pieces.push(rest.subarray(from, from + size));
      at = from + size + 2;
    }
  }
}

function headersIn(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

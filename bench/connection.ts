import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A silent server ends the bench instead of hanging it. */
const SILENCE_MS = 30_000;
/** Shared by all connections: nobody keeps the bytes after the callback, and reading allocates nothing. */
const READ_BUFFER = Buffer.allocUnsafe(64 * 1024);
const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = '0\r\n\r\n';
/** Of a chunked body, bytes; holds the last event of a chat stream and what encloses it. */
const KEPT_TAIL = 32;

/** What one exchange gave; of the body only the end of a chunked one is kept. */
export interface Exchange {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  /** Content-Length; `null` = chunked. */
  readonly length: number | null;
}

/** Given every piece of the body as it comes in, chunked encoding included. */
export type BodyReader = (bytes: Buffer) => void;

export interface RequestOptions {
  readonly port: number;
  readonly path: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The bytes of a POST, made once and sent many times. */
export function requestBytes({ port, path, body, headers = {} }: RequestOptions): Buffer {
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

/**
 * One keep-alive connection with one request at a time. It reads only as much HTTP/1.1 as it takes to find the end of
 * an answer (Content-Length, or chunks that end in `0 CR LF CR LF`, which JSON and SSE never contain), because every
 * microsecond spent here is taken from the server under test.
 */
export class Connection {
  private head: Buffer | null = null;
  private exchange: Exchange | null = null;
  /** Body bytes still to come; `null` = chunked. */
  private left: number | null = 0;
  /** The last bytes of a chunked body. */
  tail = '';
  private settle: ((error: Error | null) => void) | null = null;
  private reader: BodyReader | undefined;

  private readonly socket: Socket;

  private constructor(
    port: number,
    private readonly keptTail: number,
  ) {
    const callback = (size: number, buffer: Uint8Array): boolean => {
      this.receive((buffer as Buffer).subarray(0, size));
      return true;
    };
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: READ_BUFFER, callback } });
    socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`no byte for ${SILENCE_MS} ms`)));
    socket.on('error', (error) => this.finish(error));
    socket.on('close', () => this.finish(new Error('the server closed the connection')));
    this.socket = socket;
  }

  /** @param keptTail how much of the end of a chunked body is kept, bytes */
  static async open(port: number, keptTail = KEPT_TAIL): Promise<Connection> {
    const connection = new Connection(port, keptTail);
    await once(connection.socket, 'connect');
    return connection;
  }

  /** Sends and resolves at the end of the answer. @throws Error when the connection fails */
  request(bytes: Buffer, reader?: BodyReader): Promise<Exchange> {
    this.head = null;
    this.exchange = null;
    this.tail = '';
    this.reader = reader;
    return new Promise((resolve, reject) => {
      this.settle = (error) => (error ? reject(error) : resolve(this.exchange as Exchange));
      this.socket.write(bytes);
    });
  }

  close(): void {
    this.settle = null;
    this.socket.destroy();
  }

  private receive(bytes: Buffer): void {
    if (this.exchange) return this.receiveBody(bytes);
    const all = this.head ? Buffer.concat([this.head, bytes]) : bytes;
    const end = all.indexOf(HEAD_END);
    if (end === -1) {
      this.head = Buffer.from(all);
      return;
    }
    const head = all.toString('latin1', 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    this.left = length ? Number(length[1]) : null;
    this.exchange = { status: Number(head.slice(9, 12)), head, length: this.left };
    this.receiveBody(all.subarray(end + HEAD_END.length));
  }

  private receiveBody(bytes: Buffer): void {
    if (bytes.length > 0) this.reader?.(bytes);
    if (this.left !== null) {
      this.left -= bytes.length;
      if (this.left <= 0) this.finish(null);
      return;
    }
    const { keptTail } = this;
    this.tail = (this.tail + bytes.toString('latin1', Math.max(0, bytes.length - keptTail))).slice(-keptTail);
    if (this.tail.endsWith(LAST_CHUNK)) this.finish(null);
  }

  private finish(error: Error | null): void {
    const settle = this.settle;
    this.settle = null;
    settle?.(error);
  }
}

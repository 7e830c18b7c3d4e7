import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import type { ServerCertificate } from './certificates.js';

/** What came in one request. */
export interface Taken {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/**
 * How the endpoint of an exporter behaves: an HTTP status, silence, 200 with an answer of 64 MB, or with a byte now and then, or
 * 200 as soon as a test lets it.
 */
export type EndpointMood = number | 'hangs' | 'endless' | 'drips' | 'slow';

const PIECE = Buffer.alloc(65_536, ' ');
const PIECES = 1_024;
const DRIP_EVERY_MS = 200;

/** Takes what an exporter sends, or does not. */
export class ExportEndpoint {
  readonly taken: Taken[] = [];
  mood: EndpointMood = 200;
  /** Of those that do not end. */
  readonly answers = { begun: 0, cut: 0, read: 0 };

  private readonly held: (() => void)[] = [];

  protected constructor(
    private readonly server: Server,
    private readonly scheme: 'http' | 'https',
    private readonly answer: (request: Taken) => string,
  ) {}

  protected static async listening(
    answer: (request: Taken) => string,
    certificate?: ServerCertificate,
  ): Promise<[Server, 'http' | 'https', typeof answer]> {
    const server = certificate
      ? createTlsServer({ cert: readFileSync(certificate.certFile), key: readFileSync(certificate.keyFile) })
      : createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return [server, certificate ? 'https' : 'http', answer];
  }

  protected take(): this {
    this.server.on('request', ((request: IncomingMessage, response: ServerResponse) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => this.end(request, response, Buffer.concat(pieces)));
    }) satisfies RequestListener);
    return this;
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Answers everything that it was slow with, and is slow no more. */
  release(): void {
    this.mood = 200;
    for (const answer of this.held.splice(0)) answer();
  }

  /** Nothing listens there any more. */
  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private end(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    if (this.mood === 'hangs') return;
    if (this.mood === 'endless') return this.endless(response);
    if (this.mood === 'drips') return this.drip(response);
    if (this.mood === 'slow') return void this.held.push(() => this.end(request, response, body));
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const taken = { path: request.url ?? '', headers: request.headers, text: plain.toString() };
    if (this.mood < 300) this.taken.push(taken);
    response
      .writeHead(this.mood, { 'content-type': 'application/json' })
      .end(this.mood < 300 ? this.answer(taken) : '{}');
  }

  private drip(response: ServerResponse): void {
    this.answers.begun += 1;
    response.writeHead(200, { 'content-type': 'application/json' });
    const dripping = setInterval(() => response.write(' '), DRIP_EVERY_MS);
    response.once('close', () => {
      clearInterval(dripping);
      this.answers.cut += 1;
    });
  }

  private endless(response: ServerResponse): void {
    this.answers.begun += 1;
    response.writeHead(200, { 'content-type': 'application/json' });
    pipeline(Readable.from(Array<Buffer>(PIECES).fill(PIECE)), response, (error) => {
      this.answers[error ? 'cut' : 'read'] += 1;
    });
  }
}

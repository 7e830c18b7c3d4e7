import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { ChatRequest } from '../../src/common/chat.js';
import { embeddings } from './embedding-behaviours.js';
import { answer, status } from './upstream-behaviours.js';
import { play, type Behaviour, type Ending, type RecordedRequest, type Step } from './upstream-script.js';

export interface UpstreamOptions {
  /** The model's name, in `GET /v1/models` and in answers. */
  readonly model?: string;
  /** Left out or 0: a free one. Give the old one to come back after `close`. */
  readonly port?: number;
}

type Recording = { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] };

const DEFAULT_WAIT_MS = 5_000;

const hello = answer('Hello from upstream');
const vectors = embeddings();
const ORDINARY: Behaviour = (request, model) =>
  (request.path.includes('/embeddings') ? vectors : hello)(request, model);

/**
 * A model server on a real loopback socket that does what a test says and remembers what it saw. Chat requests take the
 * scripted behaviours in order, then the standing one (an ordinary answer until `always` says otherwise).
 */
export class UpstreamServer {
  /** Requests for answers or vectors, in order of arrival. */
  readonly requests: RecordedRequest[] = [];
  /** All other requests. */
  readonly otherRequests: RecordedRequest[] = [];

  private readonly queue: Behaviour[] = [];
  private readonly routes = new Map<string, Behaviour>();
  private readonly sockets = new Map<Socket, number>();
  private readonly watchers = new Set<() => void>();
  private connections = 0;
  private standing: Behaviour = ORDINARY;

  private constructor(
    readonly model: string,
    private readonly server: Server,
  ) {
    server.keepAliveTimeout = 0; // a connection that a test watches is never closed by a timer
    server.on('connection', (socket) => this.track(socket));
    server.on('request', (request, response) => void this.handle(request, response));
    this.routes.set('/v1/models', status(200, { object: 'list', data: [{ id: model, object: 'model' }] }));
  }

  static async start({ model = 'upstream-model', port = 0 }: UpstreamOptions = {}): Promise<UpstreamServer> {
    const server = createServer({ noDelay: true });
    const upstream = new UpstreamServer(model, server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** For `baseUrl` of a target. */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  get openConnections(): number {
    return this.sockets.size;
  }

  /** Chat requests that have no ending yet. */
  get inFlight(): number {
    return this.requests.filter(({ ending }) => ending === null).length;
  }

  /** What the next chat requests get, one each. */
  script(...behaviours: readonly Behaviour[]): this {
    this.queue.push(...behaviours);
    return this;
  }

  /** What chat requests get once the script is used up. */
  always(behaviour: Behaviour): this {
    this.standing = behaviour;
    return this;
  }

  /** What another path (without query string) gets, such as `/api/ps`. */
  respondTo(path: string, behaviour: Behaviour): this {
    this.routes.set(path, behaviour);
    return this;
  }

  /** Resolves with the request of this index as soon as it has arrived. @throws Error after `withinMs` */
  async received(index = 0, withinMs = DEFAULT_WAIT_MS): Promise<RecordedRequest> {
    await this.until(() => this.requests.length > index, withinMs, `request ${index} to arrive`);
    return this.requests[index] as RecordedRequest;
  }

  /** Resolves with that request once it has an ending, such as `aborted`. @throws Error after `withinMs` */
  async ended(index = 0, withinMs = DEFAULT_WAIT_MS): Promise<RecordedRequest> {
    await this.until(() => this.requests[index]?.ending != null, withinMs, `request ${index} to end`);
    return this.requests[index] as RecordedRequest;
  }

  /** Resolves when no chat request is under way. @throws Error after `withinMs` */
  async idle(withinMs = DEFAULT_WAIT_MS): Promise<void> {
    await this.until(() => this.inFlight === 0, withinMs, 'all requests to end');
  }

  /** Forgets requests and script; connections stay. */
  reset(): void {
    this.requests.length = 0;
    this.otherRequests.length = 0;
    this.queue.length = 0;
    this.standing = ORDINARY;
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.sockets.keys()) socket.destroy();
    await closed;
  }

  private track(socket: Socket): void {
    this.sockets.set(socket, this.connections);
    this.connections += 1;
    socket.on('error', () => undefined); // resets are part of the play
    socket.once('close', () => this.sockets.delete(socket));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(request);
    if (text === null) return;
    const path = (request.url ?? '').split('?')[0] as string;
    const isCall =
      request.method === 'POST' && /\/(chat\/completions|v1\/messages|v1\/responses|embeddings)$/.test(path);
    const list = isCall ? this.requests : this.otherRequests;
    const recording = this.record(request, text, list.length);
    list.push(recording);
    const behaviour = isCall ? (this.queue.shift() ?? this.standing) : (this.routes.get(path) ?? status(404));
    this.changed();
    await this.answerWith(behaviour(recording, this.model), recording, response);
  }

  private record(request: IncomingMessage, text: string, index: number): Recording {
    return {
      index,
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      text,
      body: parsed(text),
      at: performance.now(),
      connection: this.sockets.get(request.socket) ?? -1,
      aborted: false,
      ending: null,
      endedAt: null,
      sentBytes: 0,
    };
  }

  private async answerWith(steps: readonly Step[], recording: Recording, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    let cut = false;
    response.on('error', () => undefined);
    response.once('close', () => {
      this.end(recording, response.writableFinished ? 'answered' : cut ? 'cut' : 'aborted');
      gone.abort();
    });
    if (response.destroyed) return this.end(recording, 'aborted');
    await play(steps, response, gone.signal, {
      sent: (bytes) => (recording.sentBytes += bytes),
      cut: () => (cut = true),
    });
  }

  private end(recording: Recording, ending: Ending): void {
    recording.ending = ending;
    recording.aborted = ending === 'aborted';
    recording.endedAt = performance.now();
    this.changed();
  }

  private changed(): void {
    for (const watcher of this.watchers) watcher();
  }

  private async until(condition: () => boolean, withinMs: number, what: string): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const stop = (settle: () => void) => {
        clearTimeout(timer);
        this.watchers.delete(watcher);
        settle();
      };
      const watcher = () => condition() && stop(resolve);
      const timer = setTimeout(
        () =>
          stop(() => reject(new Error(`waited ${withinMs} ms in vain for ${what}; ${this.requests.length} arrived`))),
        withinMs,
      );
      this.watchers.add(watcher);
    });
  }
}

/** The whole body, or `null` when the client went away while sending it. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece as Buffer);
  } catch {
    return null;
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parsed(text: string): ChatRequest | undefined {
  try {
    return JSON.parse(text) as ChatRequest;
  } catch {
    return undefined;
  }
}

import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool, type Dispatcher } from 'undici';

const PROBE_MS = 250;
const CONNECTIONS = 20_000;
/** RFC 9110 section 7.6.1: of one connection, not of the message. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'proxy-connection',
]);
const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT']);

function forwardedHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) if (!HOP_BY_HOP.has(name)) kept[name] = value;
  return kept;
}

class Replica {
  readonly pool: Pool;
  ready = true;

  constructor(readonly url: string) {
    this.pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  }

  /** As the ingress of a platform does: who is draining or away gets nothing new. */
  async probe(): Promise<void> {
    try {
      const { statusCode, body } = await this.pool.request({
        ...{ method: 'GET', path: '/ready' },
        signal: AbortSignal.timeout(PROBE_MS * 4),
      });
      await body.dump();
      this.ready = statusCode === 200;
    } catch {
      this.ready = false; // that it does not answer is what was asked
    }
  }
}

/**
 * An HTTP proxy on the loopback that gives each request to the next replica that is ready. A replica that cannot be
 * connected to has not seen the request, so the next one gets it; one that is lost later is the caller's failure.
 */
export class RoundRobin {
  private turn = 0;
  private readonly replicas: readonly Replica[];
  private readonly probing: NodeJS.Timeout;

  private constructor(
    private readonly server: Server,
    urls: readonly string[],
  ) {
    this.replicas = urls.map((url) => new Replica(url));
    this.probing = setInterval(() => this.replicas.forEach((replica) => void replica.probe()), PROBE_MS);
    server.on('request', (request, response) => void this.handle(request, response));
  }

  static async start(urls: readonly string[]): Promise<RoundRobin> {
    const server = createServer({ noDelay: true, keepAliveTimeout: 0, requestTimeout: 0 });
    const proxy = new RoundRobin(server, urls);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    clearInterval(this.probing);
    this.server.closeAllConnections();
    this.server.close();
    await Promise.all(this.replicas.map(({ pool }) => pool.destroy()));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      return; // the caller went away while sending
    }
    this.forward(request, Buffer.concat(pieces), response, this.inTurn());
  }

  /** Those that are ready, the next one first; all of them where none is. */
  private inTurn(): Replica[] {
    const ready = this.replicas.filter((replica) => replica.ready);
    const list = ready.length > 0 ? ready : this.replicas;
    const first = this.turn++ % list.length;
    return [...list.slice(first), ...list.slice(0, first)];
  }

  private forward(request: IncomingMessage, body: Buffer, response: ServerResponse, left: readonly Replica[]): void {
    const [replica, ...others] = left;
    if (!replica) return answerLost(response, 503, 'no_replica');
    const { method = 'GET', url: path = '/' } = request;
    const next = (): void => this.forward(request, body, response, others);
    replica.pool.dispatch(
      { method, path, headers: forwardedHeaders(request.headers), body: body.length > 0 ? body : null },
      new Relay(response, replica, next),
    );
  }
}

function answerLost(response: ServerResponse, status: number, code: string): void {
  const body = JSON.stringify({ error: { message: code, type: 'proxy_error', param: null, code } });
  response.writeHead(status, { 'content-type': 'application/json', 'x-loadtest-proxy': code }).end(body);
}

/** One answer on its way back, at the caller's pace. */
class Relay implements Dispatcher.DispatchHandler {
  private ended = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly replica: Replica,
    private readonly next: () => void,
  ) {}

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const gone = (): void => {
      if (!this.ended) controller.abort(new Error('the caller went away'));
    };
    if (this.response.destroyed) gone();
    else this.response.once('close', gone);
    this.response.on('drain', () => controller.resume());
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.response.writeHead(status, forwardedHeaders(headers));
    this.response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (!this.response.write(piece)) controller.pause();
  }

  onResponseEnd(): void {
    this.ended = true;
    this.response.end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.ended = true;
    const code = String((error as { code?: unknown }).code);
    if (this.response.destroyed) return;
    if (this.response.headersSent) return void this.response.destroy();
    if (!NEVER_CONNECTED.has(code)) return answerLost(this.response, 502, 'replica_lost');
    this.replica.ready = false; // until it answers /ready again
    this.next();
  }
}

import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as forward,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What happens to one request: `pass`; an answer of our own; `hang` = no answer ever; `reset` = the connection is reset
 * before the store sees the request; `lose` = the store does what it was asked and its answer is lost; `lateMs` = it is
 * asked so much later.
 */
export type HttpFault =
  | 'pass'
  | 'hang'
  | 'reset'
  | 'lose'
  | { readonly lateMs: number }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };

export type FaultRule = (request: IncomingMessage) => HttpFault;

const pass: FaultRule = () => 'pass';

/** In front of a store that speaks HTTP. */
export class HttpFaultProxy {
  /** Requests that were not passed on. */
  faults = 0;
  private rule: FaultRule = pass;
  private readonly agent = new Agent({ keepAlive: true });

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {}

  static async start(target: number): Promise<HttpFaultProxy> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new HttpFaultProxy(server, target);
    server.on('request', (request, response) => proxy.handle(request, response));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Decides about every request from now on. */
  set(rule: FaultRule | HttpFault): void {
    this.rule = typeof rule === 'function' ? rule : () => rule;
  }

  heal(): void {
    this.rule = pass;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
    this.agent.destroy();
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    const fault = this.rule(request);
    if (fault !== 'pass') this.faults += 1;
    if (fault === 'pass' || fault === 'lose') return this.pass(request, response, fault === 'lose');
    if (fault === 'hang') return;
    if (fault === 'reset') return void request.socket.resetAndDestroy();
    if ('lateMs' in fault) return void setTimeout(() => this.pass(request, response, false), fault.lateMs);
    request.resume();
    response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
    response.end(fault.body ?? JSON.stringify({ code: String(fault.status), message: 'injected' }));
  }

  private pass(request: IncomingMessage, response: ServerResponse, lose: boolean): void {
    const { method, headers, url: path } = request;
    const far = forward({ host: '127.0.0.1', port: this.target, method, headers, path, agent: this.agent });
    far.on('error', () => response.destroy());
    far.on('response', (answer) => {
      if (lose) {
        answer.resume();
        answer.on('end', () => request.socket.resetAndDestroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(far);
  }
}

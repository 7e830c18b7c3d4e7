import { buildConnector, Pool, type Dispatcher } from 'undici';
import type { TargetConfig } from '../../../common/config/config.schema.js';
import type { ChatRequest } from '../../../common/chat.js';
import { passedThroughOf } from '../../../common/passed-through.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import type { ConnectionCounts } from '../models.messages.js';
import type { OutgoingTrace } from '../../../common/tracing/trace-context.js';
import type { Dialect } from './dialect.js';
import type { Endpoint } from './providers.js';
import { RESPONSES } from './responses-dialect.js';

const MIN_CONNECTIONS = 100;
/** Larger answers than this are not chat answers. */
export const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const MAX_HEADER_BYTES = 32 * 1024;

/** How a server is asked. */
export interface Manner {
  readonly dialect: Dialect;
  /** With the query string. */
  readonly path: string;
}

const pathOf = (url: URL): string => url.pathname + url.search;

/** The connections to one target's server. Redirects are not followed: where requests go is configuration alone. */
export class ModelServer {
  private readonly pool: Pool;
  /** Closes a connection after each answer, so that every request opens one. */
  private readonly unpooled: Pool;
  private readonly chat: Manner;
  private readonly responses: Manner | null;
  private opening = false;
  private closed = false;

  constructor(
    target: TargetConfig,
    private readonly endpoint: Endpoint,
  ) {
    const { url } = endpoint;
    this.chat = { dialect: endpoint.dialect, path: pathOf(url) };
    this.responses = endpoint.responsesUrl && { dialect: RESPONSES, path: pathOf(endpoint.responsesUrl) };
    const connect = { timeout: target.timeouts.connectMs, noDelay: true };
    const options: Pool.Options = {
      connections: Math.max(MIN_CONNECTIONS, target.concurrency),
      // a call has limits of its own (StreamClock, PlainCall); undici's would count other things
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAX_RESPONSE_BYTES,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    const connector = buildConnector(connect);
    const connectNoted: buildConnector.connector = (to, callback) =>
      connector(to, (...result) => {
        this.opening = true;
        try {
          callback(...result);
        } finally {
          this.opening = false;
        }
      });
    this.pool = new Pool(url.origin, { ...options, connect: connectNoted });
    this.unpooled = new Pool(url.origin, { ...options, pipelining: 0, connect: { ...connect, allowH2: false } });
  }

  /** Whether requests of OpenAI's Responses API can go there as they came. */
  get takesResponses(): boolean {
    return this.responses !== null;
  }

  /** Where a request goes, and what is spoken there. @throws UpstreamFailure `bad_request` for one that is not understood there */
  mannerFor(request: ChatRequest): Manner {
    if (passedThroughOf(request) === null) return this.chat;
    if (this.responses) return this.responses;
    throw new UpstreamFailure('bad_request', 'not a server of OpenAI: its Responses API is not there');
  }

  /**
   * Whether a request that starts now has a new connection: while one is handed over, the request that waited for it
   * starts within that call.
   */
  get isOpening(): boolean {
    return this.opening || this.closed;
  }

  /** Where chat requests go; other requests go beside them. */
  get chatUrl(): URL {
    return this.endpoint.url;
  }

  get connections(): ConnectionCounts {
    const { pool, unpooled } = this;
    return {
      connected: pool.stats.connected + unpooled.stats.connected,
      free: pool.stats.free + unpooled.stats.free,
      running: pool.stats.running + unpooled.stats.running,
      pending: pool.stats.pending + pool.stats.queued + unpooled.stats.pending + unpooled.stats.queued,
    };
  }

  /**
   * A request, as undici takes it.
   *
   * @param path of `Manner` @param body JSON
   * @returns a promise where this service has to sign in first; it rejects with UpstreamFailure `auth`
   */
  requestFor(
    accept: string,
    path: string,
    body: string,
    trace: OutgoingTrace | null = null,
  ): Dispatcher.DispatchOptions | Promise<Dispatcher.DispatchOptions> {
    const { auth } = this.endpoint;
    if (!auth) return this.requestWith(accept, path, body, trace);
    const value = auth.value();
    if (typeof value === 'string') return this.requestWith(accept, path, body, trace, auth.header, value);
    return value.then((token) => this.requestWith(accept, path, body, trace, auth.header, token));
  }

  /**
   * Sends a request. After `close` it gets a connection of its own: it began before a reload took the target out, and ends
   * as it began.
   */
  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (this.closed) this.dispatchFresh(request, handler);
    else this.pool.dispatch(request, handler);
  }

  /** Sends a request on a connection of its own. */
  dispatchFresh(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.unpooled.dispatch(request, handler);
  }

  /** Lets calls in flight finish, then closes the connections. */
  async close(): Promise<void> {
    this.closed = true;
    await this.pool.close();
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    await Promise.all([this.pool.destroy(), this.unpooled.destroy()]);
  }

  private requestWith(
    accept: string,
    path: string,
    body: string,
    trace: OutgoingTrace | null,
    ...auth: string[]
  ): Dispatcher.DispatchOptions {
    const headers = [
      ...['content-type', 'application/json', 'accept', accept, 'user-agent', 'hybrid-llm-router'],
      ...['accept-encoding', 'identity'], // left out, it would leave the choice to the server
      ...this.endpoint.headers,
      ...auth,
    ];
    if (trace !== null) headers.push('traceparent', trace.traceparent);
    if (trace !== null && trace.tracestate !== null) headers.push('tracestate', trace.tracestate);
    return { method: 'POST', path, headers, body };
  }
}

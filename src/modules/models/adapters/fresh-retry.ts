import type { IncomingHttpHeaders } from 'node:http';
import { buildConnector, Pool, type Dispatcher } from 'undici';

const CLOSED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * Pooled connections of one origin. A server may close an idle connection in the moment a request goes out on it: such
 * a request, of which no byte was answered, is sent once more on a connection of its own (RFC 9112 section 9.3.1).
 * Nobody above notices: it says nothing about the server.
 */
export class Connections {
  private readonly pooled: Dispatcher;
  private readonly pool: Pool;
  /** Closes a connection after each answer, so that every request opens one. */
  private readonly unpooled: Pool;
  private opening = false;
  private closed = false;

  constructor(
    origin: string,
    { connect, ...options }: Pool.Options & { readonly connect: buildConnector.BuildOptions },
  ) {
    const connector = buildConnector(connect);
    this.pool = new Pool(origin, {
      ...options,
      connect: (target, callback) => {
        connector(target, (...result) => {
          this.opening = true;
          try {
            callback(...result);
          } finally {
            this.opening = false;
          }
        });
      },
    });
    this.unpooled = new Pool(origin, { ...options, pipelining: 0, connect: { ...connect, allowH2: false } });
    this.pooled = this.pool.compose(
      (dispatch) => (request, handler) => dispatch(request, new FreshRetry(this, request, handler)),
    );
  }

  /** For undici's API; sends every request as described above. */
  get dispatcher(): Dispatcher {
    return this.closed ? this.unpooled : this.pooled;
  }

  /** The same, without undici's API in between. */
  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (this.closed) this.dispatchFresh(request, handler);
    else this.pool.dispatch(request, new FreshRetry(this, request, handler));
  }

  /** Whether a new connection is being handed over; the request that waited for it starts within that call. */
  get isOpening(): boolean {
    return this.opening;
  }

  /** Sends a request on a connection of its own. */
  dispatchFresh(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.unpooled.dispatch(request, handler);
  }

  /**
   * Lets calls in flight finish, then closes. Requests that come all the same get a connection of their own each, which is
   * closed after the answer: they began before a reload took the target out, and end as they began.
   */
  async close(): Promise<void> {
    this.closed = true;
    await this.pool.close();
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    await Promise.all([this.pool.destroy(), this.unpooled.destroy()]);
  }
}

/** Passes everything on, except for a reset before any byte on a reused connection. */
class FreshRetry implements Dispatcher.DispatchHandler {
  private reused = false;
  private heard = false;

  constructor(
    private readonly connections: Connections,
    private readonly request: Dispatcher.DispatchOptions,
    private readonly handler: Dispatcher.DispatchHandler,
  ) {}

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.reused = !this.connections.isOpening;
    this.handler.onRequestStart?.(controller, context);
  }

  onResponseStarted(): void {
    this.heard = true;
    this.handler.onResponseStarted?.();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    this.handler.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.handler.onResponseData?.(controller, piece);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    const isStale = this.reused && !this.heard && !controller?.aborted && CLOSED.has(codeOf(error));
    if (isStale) this.connections.dispatchFresh(this.request, this.handler);
    else this.handler.onResponseError?.(controller, error);
  }
}

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? '';

import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { BackgroundWork } from '../../../common/background-work.js';
import type { ChunkSink } from '../../../common/chunk-stream.js';
import type { OutgoingTrace } from '../../../common/tracing/trace-context.js';
import type { ModelStream } from '../models.messages.js';
import type { ModelServer } from './model-server.js';
import { OtherBody } from './other-body.js';

/** So long the body of an error is waited for: its status has said the most. */
const ERROR_BODY_MS = 1_000;
/** Codes of a connection that the server has closed. */
const CLOSED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

const background = new BackgroundWork('models');

/** Nobody reads on. */
class Left extends Error {}

/**
 * One call of a model's server, straight on undici's dispatcher: no body stream, no AbortController, and a read is handed
 * on in the same turn of the event loop. See `ModelStream`.
 *
 * A server may close an idle connection in the moment a request goes out on it: such a request, of which no byte was
 * answered, is sent once more on a connection of its own (RFC 9112 section 9.3.1). Nobody above notices: it says nothing
 * about the server.
 *
 * @see https://undici.nodejs.org/#/docs/api/Dispatcher?id=parameter-dispatchhandler
 */
export abstract class ServerCall implements ModelStream, Dispatcher.DispatchHandler {
  protected controller: Dispatcher.DispatchController | null = null;
  protected sink: ChunkSink | null = null;
  protected hasEnded = false;
  /** The connection brings no more of it. */
  protected responseOver = false;
  /** When its first content was here, `performance.now()` milliseconds; 0 before. */
  protected answeredAt = 0;
  /** The connection is given up then; once at most, as an answer has one end. */
  protected leaveTimer: NodeJS.Timeout | undefined;
  private startedAt = 0;
  private isAbandoned = false;
  /** `null` once it was sent again. */
  private sent: Dispatcher.DispatchOptions | null = null;
  private isReused = false;
  private isHeard = false;
  private other: OtherBody | null = null;
  private isRefused = false;
  private readonly onAbort = this.aborted.bind(this); // not as an object that listens, see docs/adr/0020

  /** @param body JSON @param signal the caller's */
  constructor(
    private readonly server: ModelServer,
    private readonly accept: 'application/json' | 'text/event-stream',
    private readonly path: string,
    private readonly body: string,
    private readonly signal: AbortSignal,
    private readonly trace: OutgoingTrace | null,
  ) {}

  get upstreamMs(): number {
    return this.startedAt === 0 ? 0 : (this.answeredAt || performance.now()) - this.startedAt;
  }

  get isSent(): boolean {
    return this.controller !== null;
  }

  relay(sink: ChunkSink): void {
    this.sink = sink;
    this.startedAt = performance.now();
    if (this.signal.aborted) return this.end(this.signal.reason);
    this.signal.addEventListener('abort', this.onAbort, { once: true });
    this.begin();
    const request = this.server.requestFor(this.accept, this.path, this.body, this.trace);
    if (request instanceof Promise) this.later('signing in', async () => this.send(await request));
    else this.send(request);
  }

  abandon(): void {
    this.isAbandoned = true;
    this.end(new Left());
  }

  abstract pause(): void;
  abstract resume(): void;

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    this.isReused = !this.server.isOpening;
    if (this.hasEnded) this.leave();
  }

  onResponseStarted(): void {
    this.isHeard = true;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return; // an interim answer (RFC 9110 section 15.2)
    if (status <= 299 && this.accepts(headers)) return;
    this.other = new OtherBody(status, headers);
    this.leaveTimer = setTimeout(refuse, ERROR_BODY_MS, this).unref();
  }

  onResponseData(_: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.other === null) this.read(bytes);
    else if (!this.other.push(bytes)) this.refuse();
  }

  onResponseEnd(): void {
    this.responseOver = true;
    clearTimeout(this.leaveTimer);
    if (this.other === null) this.readEnd();
    else this.refuse();
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    const isStale = this.isReused && !this.isHeard && !controller?.aborted && CLOSED.has(codeOf(error));
    if (isStale && this.sent) {
      const { sent } = this;
      this.sent = null;
      return this.server.dispatchFresh(sent, this);
    }
    this.responseOver = true;
    clearTimeout(this.leaveTimer);
    this.fail(error);
  }

  /** What has come of a body that is no answer is enough: nothing more of it is read. Called by a timer, too. */
  refuse(): void {
    clearTimeout(this.leaveTimer);
    const { other } = this;
    if (this.hasEnded || other === null || this.isRefused) return;
    this.isRefused = true;
    this.controller?.pause();
    this.later('reading why there is no answer', async () => this.fail(await other.failure()));
  }

  /** Nothing more of it is read. Called by a timer, too. */
  leave(): void {
    this.controller?.abort(new Left());
  }

  /** The call goes out now: its limits begin. */
  protected abstract begin(): void;
  /** Whether the body of status 2xx is to be read as an answer; else it may say why there is none. */
  protected abstract accepts(headers: IncomingHttpHeaders): boolean;
  protected abstract read(bytes: Buffer): void;
  protected abstract readEnd(): void;
  /** Nothing more can be read. */
  protected abstract fail(error: unknown): void;
  /** Gives back what the call took: limits, and the connection where the response is not over. */
  protected abstract release(): void;

  /** Does what takes its time. What goes wrong with it ends the call. */
  protected later(what: string, work: () => Promise<void>): void {
    background.launch(what, async () => {
      try {
        await work();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  /** @param error `null` = the answer is complete */
  protected end(error: unknown): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.signal.removeEventListener('abort', this.onAbort);
    clearTimeout(this.leaveTimer);
    this.release();
    if (!this.isAbandoned) this.sink?.end(error);
  }

  private aborted(): void {
    this.end(this.signal.reason);
  }

  private send(request: Dispatcher.DispatchOptions): void {
    this.sent = request;
    this.server.dispatch(request, this);
  }
}

const refuse = (call: ServerCall): void => call.refuse();
const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? '';

import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { UpstreamFailure } from '../../../common/upstream-failure.js';

/** Enough of an error body to find its message. */
export const MAX_ERROR_BYTES = 64 * 1024;
/** So long the body of an error is waited for: its status has said the most. */
export const ERROR_BODY_MS = 1_000;

export interface PlainResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As it came, maybe encoded; of a status other than 2xx, the first 64 KiB. */
  readonly body: Buffer;
}

/**
 * One request and its whole response, straight on undici's dispatcher: no body stream, one timer, no AbortController.
 * A plain answer is the service's commonest call, and `Pool.request` costs a quarter of it.
 *
 * @see https://undici.nodejs.org/#/docs/api/Dispatcher?id=parameter-dispatchhandler
 */
export class PlainExchange implements Dispatcher.DispatchHandler {
  /** Resolves with the response; rejects with undici's error, a timeout failure, or the caller's reason. */
  readonly response: Promise<PlainResponse>;
  private resolve!: (response: PlainResponse) => void;
  private reject!: (reason: unknown) => void;
  private controller: Dispatcher.DispatchController | null = null;
  private ended: { readonly reason: Error } | true | null = null;
  private readonly timer: NodeJS.Timeout;
  private errorTimer: NodeJS.Timeout | undefined;
  private readonly onCallerAbort = (): void => this.fail(this.caller.reason as Error);
  private status = 0;
  private headers: IncomingHttpHeaders = {};
  private readonly pieces: Buffer[] = [];
  private bytes = 0;

  /** @param limitMs until the whole answer is here */
  constructor(
    limitMs: number,
    private readonly caller: AbortSignal,
  ) {
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.timer = setTimeout(() => {
      this.fail(new UpstreamFailure('timeout', `plain answer: nothing within ${Math.round(limitMs)} ms`));
    }, limitMs);
    if (caller.aborted) this.onCallerAbort();
    else caller.addEventListener('abort', this.onCallerAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.ended !== null) controller.abort(this.ended === true ? new Error('ended') : this.ended.reason);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.status = status;
    this.headers = headers;
    if (status >= 300) this.errorTimer = setTimeout(endErrorBody, ERROR_BODY_MS, this).unref();
  }

  onResponseData(_: Dispatcher.DispatchController, piece: Buffer): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
    const isError = this.status < 200 || this.status > 299;
    if (isError && this.bytes > MAX_ERROR_BYTES) this.endErrorBody();
  }

  onResponseEnd(): void {
    this.succeed();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  /** What has come of it is enough. Called by a timer, too. */
  endErrorBody(): void {
    this.succeed();
    this.controller?.abort(new Error('enough of an error body'));
  }

  private succeed(): void {
    if (!this.end(true)) return;
    const body = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces);
    const isError = this.status < 200 || this.status > 299;
    const kept = isError ? body.subarray(0, MAX_ERROR_BYTES) : body;
    this.resolve({ status: this.status, headers: this.headers, body: kept });
  }

  private fail(reason: Error): void {
    if (!this.end({ reason })) return;
    this.reject(reason);
    this.controller?.abort(reason);
  }

  private end(how: NonNullable<PlainExchange['ended']>): boolean {
    if (this.ended !== null) return false;
    this.ended = how;
    clearTimeout(this.timer);
    clearTimeout(this.errorTimer);
    this.caller.removeEventListener('abort', this.onCallerAbort);
    return true;
  }
}

const endErrorBody = (exchange: PlainExchange): void => exchange.endErrorBody();

import type { IncomingHttpHeaders } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Dispatcher } from 'undici';
import { countedHeaders, NOTHING_COUNTED, PlainReader, StreamReader } from './answer-reader.js';
import { INTERRUPTED, type Outcome } from './outcome.js';
import type { Question } from './questions.js';

const PATH = '/v1/chat/completions';
const EVENT_STREAM = /^text\/event-stream\b/i;

export interface SentTo {
  readonly dispatcher: Dispatcher;
  readonly origin: URL;
  readonly timeoutMs: number;
  /** Ends it early: Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Sends one request and reads its answer to the end. Never rejects: what goes wrong is the outcome. */
export function askOnce(question: Question, { dispatcher, origin, timeoutMs, signal }: SentTo): Promise<Outcome> {
  return new Promise((settle) => {
    const exchange = new Exchange(settle, signal);
    const timer = setTimeout(() => exchange.giveUp('timeout'), timeoutMs);
    exchange.begin(timer);
    if (signal.aborted) return exchange.giveUp(INTERRUPTED);
    const base = origin.pathname.replace(/\/+$/, '');
    const { body, headers } = question;
    dispatcher.dispatch({ origin: origin.origin, path: `${base}${PATH}`, method: 'POST', headers, body }, exchange);
  });
}

/** Told by undici how the request goes; settles once, whatever comes first. */
class Exchange implements Dispatcher.DispatchHandler {
  private readonly sentAt = performance.now();
  private controller: Dispatcher.DispatchController | null = null;
  private timer: NodeJS.Timeout | null = null;
  private status = 0;
  private counted = NOTHING_COUNTED;
  private reader: PlainReader | StreamReader = new PlainReader();
  private settled = false;
  private readonly interrupt = (): void => this.giveUp(INTERRUPTED);

  constructor(
    private readonly settle: (outcome: Outcome) => void,
    private readonly signal: AbortSignal,
  ) {}

  begin(timer: NodeJS.Timeout): void {
    this.timer = timer;
    this.signal.addEventListener('abort', this.interrupt, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.settled) controller.abort(new Error('given up before it was sent'));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.status = status;
    this.counted = countedHeaders(headers);
    const streamed = status === 200 && EVENT_STREAM.test(headers['content-type'] ?? '');
    this.reader = streamed ? new StreamReader() : new PlainReader();
  }

  onResponseData(_: Dispatcher.DispatchController, piece: Buffer): void {
    this.reader.read(piece, performance.now());
  }

  onResponseEnd(): void {
    if (!this.settled) this.end(this.reader.end(this.status));
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.settled) return;
    const { code } = error as { code?: unknown };
    const name = typeof code === 'string' ? code : error.name;
    if (this.reader instanceof StreamReader) this.end({ ...this.reader.end(this.status), status: 'cut', error: name });
    else this.end({ status: 'network', error: name, tokens: null });
  }

  /** This side does not wait any longer. */
  giveUp(error: string): void {
    if (this.settled) return;
    this.end({ status: 'aborted', error, tokens: null });
    this.controller?.abort(new Error(error));
  }

  private end(how: Pick<Outcome, 'status' | 'error' | 'tokens'>): void {
    this.settled = true;
    if (this.timer) clearTimeout(this.timer);
    this.signal.removeEventListener('abort', this.interrupt);
    const times =
      this.reader instanceof StreamReader ? this.reader.times(this.sentAt) : { firstTokenMs: null, gapMs: null };
    this.settle({ ...this.counted, ...how, ...times, ms: performance.now() - this.sentAt });
  }
}

import { Logger } from '@nestjs/common';
import CircuitBreaker from 'opossum';
import { firstLine } from './logging/outside-text.js';
import { StoreUnavailable } from './store-unavailable.js';

/** What one call of a store may take, milliseconds. */
export const STORE_DEADLINE_MS = 250;
/** Failures one after the other that open the breaker. */
const FAILURES = 3;
/** An open breaker lets one call try again after so long, milliseconds. */
const RESET_MS = 1_000;
/** A deadline is counted in so many pieces; see `withinDeadline`. */
const PIECES = 5;
/** Last resorts at a time while the breaker is open: a store that hangs must not collect callers. */
const MAX_LAST_RESORTS = 32;

export interface StoreGuardOptions {
  readonly deadlineMs?: number;
  readonly resetMs?: number;
  /** Whether the error is an answer of a store that is well (throttled, full): it does not open the breaker. */
  readonly isAnswer?: (error: Error) => boolean;
}

export interface CallTerms {
  /** In place of the store's own, milliseconds. */
  readonly deadlineMs?: number;
  /** Nothing else can do what the call does, so it is made even while others fail at once; it is a probe as well. */
  readonly lastResort?: boolean;
}

type Work<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Makes a frozen store as harmless as a dead one: every call ends within its deadline, and after three failures in a
 * row calls fail at once, but for one a second that finds out whether the store is back. Whatever goes wrong with a call
 * is the store's: what an SDK throws at an answer that makes no sense is often a TypeError.
 */
export class StoreGuard {
  private readonly logger = new Logger('stores');
  private readonly breaker: CircuitBreaker<[() => Promise<unknown>], unknown>;
  private readonly deadlineMs: number;
  private failures = 0;
  private lastResorts = 0;
  private reason = '';

  constructor(
    readonly store: string,
    private readonly options: StoreGuardOptions = {},
  ) {
    this.deadlineMs = options.deadlineMs ?? STORE_DEADLINE_MS;
    this.breaker = new CircuitBreaker((work: () => Promise<unknown>) => work(), {
      timeout: false,
      resetTimeout: options.resetMs ?? RESET_MS,
      volumeThreshold: Number.MAX_SAFE_INTEGER, // opened by `failed`: a share of a window reacts too late under load
      errorFilter: (error: Error) => this.isAnswer(error),
    });
    this.breaker.on('close', () => this.logger.log(`${store} is back`));
  }

  /** `false` while calls fail at once. */
  get usable(): boolean {
    return !this.breaker.opened;
  }

  /** Why the store cannot be used, in words that name no address; empty while it can. */
  get problem(): string {
    return this.usable ? '' : this.reason;
  }

  /**
   * Runs one call; `signal` aborts at the deadline.
   *
   * @throws StoreUnavailable for whatever went wrong
   */
  async run<T>(work: Work<T>, { deadlineMs = this.deadlineMs, lastResort = false }: CallTerms = {}): Promise<T> {
    const call = (): Promise<T> => withinDeadline(work, deadlineMs);
    const { closed, isShutdown } = this.breaker;
    const pastBreaker = lastResort && !closed && !isShutdown && this.lastResorts < MAX_LAST_RESORTS;
    try {
      const result = await (pastBreaker ? this.asLastResort(call) : this.breaker.fire(call));
      this.failures = 0;
      return result as T;
    } catch (error) {
      throw this.failed(error as Error);
    }
  }

  close(): void {
    this.breaker.shutdown();
  }

  private async asLastResort<T>(call: () => Promise<T>): Promise<T> {
    this.lastResorts += 1;
    try {
      const result = await call();
      this.breaker.close();
      return result;
    } finally {
      this.lastResorts -= 1;
    }
  }

  private failed(error: Error): Error {
    if ((error as NodeJS.ErrnoException).code === 'EOPENBREAKER') {
      return new StoreUnavailable(`${this.store}: ${this.reason}`);
    }
    const reason = firstLine(error);
    if (!this.isAnswer(error)) this.count(error);
    if (error instanceof StoreUnavailable) return error;
    return new StoreUnavailable(`${this.store}: ${reason}`, { cause: error });
  }

  private count(error: Error): void {
    this.reason = shortly(error);
    this.failures += 1;
    if (this.failures < FAILURES || this.breaker.opened) return;
    this.breaker.open();
    this.logger.warn(`${this.store} cannot be used (${firstLine(error)}); one call a second tries again`);
  }

  private isAnswer(error: Error): boolean {
    return this.options.isAnswer?.(error) ?? false;
  }
}

/** What `/ready` may show to anybody: a status, a code, never a message with its addresses. */
export function shortly(error: Error): string {
  if (error instanceof StoreUnavailable) return error.message;
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  const status = [statusCode, code].find((value) => typeof value === 'number');
  if (status !== undefined) return `answers ${status}`;
  if (typeof code === 'string') return code;
  return /^[A-Z]{4,}(?= )/.exec(error.message)?.[0] ?? error.name; // a reply of Redis begins with its kind
}

/**
 * The deadline measures the store and not this process: it is counted in pieces, so that a pause of the event loop (or
 * of the whole machine) costs one piece and not the call, for 250 ms more at most. When the last piece is over, an answer
 * that already lies in the socket counts.
 */
async function withinDeadline<T>(work: Work<T>, deadlineMs: number): Promise<T> {
  const controller = new AbortController();
  const deadline = Promise.withResolvers<never>();
  const expire = (): void => {
    const late = new StoreUnavailable(`no answer within ${deadlineMs} ms`);
    deadline.reject(late);
    controller.abort(late);
  };
  const latestAt = performance.now() + deadlineMs + Math.min(deadlineMs, STORE_DEADLINE_MS);
  let pieces = 0;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    pieces += 1;
    if (pieces <= PIECES && performance.now() < latestAt) timer = setTimeout(wait, deadlineMs / PIECES);
    else setImmediate(() => setImmediate(expire));
  };
  wait();
  try {
    return await Promise.race([work(controller.signal), deadline.promise]);
  } finally {
    clearTimeout(timer);
  }
}

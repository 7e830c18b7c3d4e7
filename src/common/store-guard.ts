import { Logger } from '@nestjs/common';
import { FailureEpisode } from './logging/failure-episode.js';
import { firstLine } from './logging/outside-text.js';
import { StoreUnavailable } from './store-unavailable.js';

/** What one call of a store may take, milliseconds. */
export const STORE_DEADLINE_MS = 250;
/** After so many failures one after the other calls fail at once. */
const FAILURES = 3;
/** One call in so many milliseconds tries again, then. */
const PROBE_EVERY_MS = 1_000;
/** A deadline is counted in so many pieces; see `withinDeadline`. */
const PIECES = 5;
/** Last resorts at a time while the others fail at once: a store that hangs must not collect callers. */
const MAX_LAST_RESORTS = 32;

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
  /** One after the other. */
  private failures = 0;
  private lastResorts = 0;
  /** When the next call finds out whether the store is back, `performance.now()` milliseconds; `null` = it is there. */
  private nextProbeAt: number | null = null;
  private reason = '';
  private readonly outage = new FailureEpisode();

  /** @param isAnswer whether an error is an answer of a store that is well (throttled, full) */
  constructor(
    readonly store: string,
    private readonly isAnswer: (error: Error) => boolean = () => false,
  ) {}

  /** `false` while calls fail at once. */
  get usable(): boolean {
    return this.nextProbeAt === null || performance.now() >= this.nextProbeAt;
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
  async run<T>(work: Work<T>, { deadlineMs = STORE_DEADLINE_MS, lastResort = false }: CallTerms = {}): Promise<T> {
    if (this.nextProbeAt === null) return this.call(work, deadlineMs);
    if (lastResort && this.lastResorts < MAX_LAST_RESORTS) {
      this.lastResorts += 1;
      return this.call(work, deadlineMs, true).finally(() => (this.lastResorts -= 1));
    }
    if (!this.usable) throw new StoreUnavailable(`${this.store}: ${this.reason}`);
    this.nextProbeAt = performance.now() + PROBE_EVERY_MS;
    return this.call(work, deadlineMs, true);
  }

  /** @param probes whether an answer shows that the store is back */
  private async call<T>(work: Work<T>, deadlineMs: number, probes = false): Promise<T> {
    try {
      const result = await withinDeadline(work, deadlineMs);
      this.failures = 0;
      if (probes || this.outage.isOpen) this.isBack();
      return result;
    } catch (error) {
      if (!this.isAnswer(error as Error)) this.count(error as Error);
      else if (probes) this.isBack();
      if (error instanceof StoreUnavailable) throw error;
      throw new StoreUnavailable(`${this.store}: ${firstLine(error as Error)}`, { cause: error });
    }
  }

  private isBack(): void {
    this.nextProbeAt = null;
    const over = this.outage.worked();
    if (over) this.logger.log(`${this.store} is back, ${over}`);
  }

  private count(error: Error): void {
    this.reason = shortly(error);
    this.failures += 1;
    const isAway = this.nextProbeAt !== null;
    if (!isAway && this.failures < FAILURES) return;
    if (!isAway) this.nextProbeAt = performance.now() + PROBE_EVERY_MS;
    if (!this.outage.failed()) return;
    this.logger.warn(`${this.store} cannot be used (${firstLine(error)}); one call a second tries again`);
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

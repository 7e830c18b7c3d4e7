import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { BackgroundWork } from './background-work.js';
import { inTime } from './in-time.js';
import { FailureEpisode } from './logging/failure-episode.js';
import { firstLine } from './logging/outside-text.js';
import { FIRST_ATTEMPT_MS, STARTING, type StoreCheck } from './store-check.js';
import { shortly, STORE_DEADLINE_MS, StoreGuard, type CallTerms } from './store-guard.js';
import { StoreRefusal, StoreUnavailable } from './store-unavailable.js';

/** Whether an answer of the store is one that the call reckons with (conflict, missing). */
export type Expected = (error: Error) => boolean;

type Outcome<R> = { readonly result: R } | { readonly error: Error };

const nothingElse: Expected = () => false;

/** First contact loads an SDK and signs in: it may take longer than a call, milliseconds. */
const FIRST_CONTACT_MS = 800;
const RECONNECT_MS = 1_000;
const TELL_AGAIN_MS = 60_000;
const NOT_YET = 'not connected yet';
/** Waits between two tries when the store did not say how long: at most 20, 40, 80, 160 ms, half of it random. */
const BACKOFF_MS = 20;

export interface Opened<T> {
  readonly client: T;
  readonly close: () => void;
}

export interface StoreRules {
  /** Whether the same call can succeed a moment later. */
  readonly transient: (error: Error) => boolean;
  /** What the store asked to wait, milliseconds; 0 = it did not say. */
  readonly retryAfterMs: (error: Error) => number;
  /** The store is well and refuses what this very call brings: malformed, too large. */
  readonly refused: (error: Error) => boolean;
  /** What was opened is not there any more (a table, a container). */
  readonly lost: (error: Error) => boolean;
  /** The store is well and asks for patience. */
  readonly throttled: (error: Error) => boolean;
}

/**
 * A store that is reached over HTTP by an SDK. Connects in the background, at start and until it succeeds, so that the
 * service starts without it. Every call has 250 ms and is repeated within them while the store says that it is a matter
 * of a moment, so calls must be idempotent; the SDK itself must not retry.
 */
export class StoreConnection<T> {
  private readonly logger = new Logger('stores');
  private readonly guard: StoreGuard;
  private opened: Opened<T> | null = null;
  private firstContact: Promise<void> | null = null;
  private readonly background = new BackgroundWork('stores');
  private problem = NOT_YET;
  private readonly connecting = new FailureEpisode();
  private closed = false;
  private attempted = false;
  private startedAt = performance.now();
  private refusalToldAt = -TELL_AGAIN_MS;

  /** @param open loads the SDK, signs in and finds (or creates) what the calls need */
  constructor(
    readonly store: string,
    private readonly rules: StoreRules,
    private readonly open: () => Promise<Opened<T>>,
  ) {
    this.guard = new StoreGuard(store, rules.throttled);
  }

  /** Begins to connect at once, not with the first call. */
  start(): void {
    this.startedAt = performance.now();
    this.firstContact = this.connect();
  }

  /**
   * A store that answers with anything else than a result or what is expected (401, 403, 404 for its container, 500,
   * nonsense) is a store that is away.
   *
   * @param expected errors of the SDK that go to the caller as they are
   * @throws StoreRefusal for a call that will never be taken, StoreUnavailable for everything else
   */
  async run<R>(
    work: (client: T, signal: AbortSignal) => Promise<R>,
    expected: Expected = nothingElse,
    terms: CallTerms = {},
  ): Promise<R> {
    const { client } = this.opened ?? (await this.awaitFirstContact());
    const { deadlineMs = STORE_DEADLINE_MS } = terms;
    const outcome = await this.guard.run((signal) => {
      const repeated = () => this.repeated(() => work(client, signal), deadlineMs, signal);
      return this.outcomeOf(repeated, expected);
    }, terms);
    if ('result' in outcome) return outcome.result;
    const { error } = outcome;
    if (expected(error)) throw error;
    this.tellRefusal(error);
    throw new StoreRefusal(`${this.store} refuses: ${firstLine(error)}`, { cause: error });
  }

  /** Runs `probe`. Never rejects. @param name as an operator knows the store */
  async check(name: string, probe: (client: T, signal: AbortSignal) => Promise<unknown>): Promise<StoreCheck> {
    if (!this.attempted && performance.now() - this.startedAt < FIRST_ATTEMPT_MS) return STARTING;
    try {
      await this.run(probe);
      return { healthy: true, detail: name };
    } catch (error) {
      const refuses = error instanceof StoreRefusal || !(error instanceof StoreUnavailable);
      return { healthy: false, detail: refuses ? 'refuses our requests' : this.guard.problem || this.problem };
    }
  }

  close(): void {
    this.closed = true;
    this.background.cancel();
    this.opened?.close();
    this.opened = null;
  }

  /** What the store has well answered is no failure of the store. */
  private async outcomeOf<R>(work: () => Promise<R>, expected: Expected): Promise<Outcome<R>> {
    try {
      const result = await work();
      if (this.connecting.isOpen) this.tellBack();
      return { result };
    } catch (error) {
      if (expected(error as Error) || this.rules.refused(error as Error)) return { error: error as Error };
      this.problem = shortly(error as Error);
      if (this.rules.lost(error as Error)) this.openAgain(error as Error);
      throw error;
    }
  }

  /** Repeats the call while a moment can help and the wait fits what is left of its time; `signal` is its deadline. */
  private async repeated<R>(call: () => Promise<R>, deadlineMs: number, signal: AbortSignal): Promise<R> {
    const end = performance.now() + deadlineMs;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        if (signal.aborted || !this.rules.transient(error as Error)) throw error;
        const backoff = BACKOFF_MS * 2 ** attempt * (0.5 + Math.random() / 2);
        const wait = Math.max(this.rules.retryAfterMs(error as Error), backoff);
        if (performance.now() + wait >= end) throw error;
        await delay(wait, undefined, { signal });
      }
    }
  }

  private openAgain(error: Error): void {
    if (!this.opened || this.closed) return;
    if (this.connecting.failed()) {
      this.logger.warn(`${this.store} cannot be used and is opened again (${firstLine(error)})`);
    }
    this.opened.close();
    this.opened = null;
    this.background.after(`connecting to ${this.store}`, RECONNECT_MS, () => this.connect());
  }

  /** Once a minute at most: one entry that cannot be stored is tried several times, and others come. */
  private tellRefusal(error: Error): void {
    if (performance.now() - this.refusalToldAt < TELL_AGAIN_MS) return;
    this.refusalToldAt = performance.now();
    this.logger.warn(`${this.store} refuses what it is given (${firstLine(error)})`);
  }

  private tellBack(): void {
    const over = this.connecting.worked();
    if (over) this.logger.log(`${this.store} is back, ${over}`);
  }

  /** A request that comes while the service starts waits a little; later ones know at once. */
  private async awaitFirstContact(): Promise<Opened<T>> {
    if (!this.firstContact && !this.closed) this.start();
    if (this.firstContact) await inTime(this.firstContact, FIRST_CONTACT_MS, null);
    if (!this.opened) throw new StoreUnavailable(`${this.store}: ${this.problem}`);
    return this.opened;
  }

  private async connect(): Promise<void> {
    try {
      const opened = await this.open();
      if (this.closed) return opened.close();
      this.opened = opened;
      this.tellBack();
      this.problem = 'no answer';
    } catch (error) {
      if (this.connecting.failed()) {
        this.logger.warn(`${this.store} cannot be used (${firstLine(error as Error)}); one call a second tries again`);
      }
      this.problem = shortly(error as Error);
      this.background.after(`connecting to ${this.store}`, RECONNECT_MS, () => this.connect());
    } finally {
      this.attempted = true;
    }
  }
}

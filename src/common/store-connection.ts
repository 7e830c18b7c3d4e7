import { Logger } from '@nestjs/common';
import { BackgroundWork } from './background-work.js';
import { STORE_DEADLINE_MS, StoreGuard } from './store-guard.js';
import { StoreUnavailable } from './store-unavailable.js';
import { retryTransient, type RetryRules } from './transient-retry.js';

/** First contact loads an SDK and signs in: it may take longer than a call, milliseconds. */
const FIRST_CONTACT_MS = 800;
const RECONNECT_MS = 1_000;
const NOT_YET = 'not connected yet';

export interface Opened<T> {
  readonly client: T;
  readonly close: () => void;
}

export interface StoreRules extends RetryRules {
  /** The store is well and refuses this very call (conflict, missing, malformed): the SDK's error goes to the caller. */
  readonly refused: (error: Error) => boolean;
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
  private closed = false;

  /** @param open loads the SDK, signs in and finds (or creates) what the calls need */
  constructor(
    readonly store: string,
    private readonly rules: StoreRules,
    private readonly open: () => Promise<Opened<T>>,
  ) {
    this.guard = new StoreGuard(store, { answered: (error) => rules.refused(error) || rules.throttled(error) });
  }

  /** `false` while calls fail at once. */
  get usable(): boolean {
    return this.opened !== null && this.guard.usable;
  }

  start(): void {
    this.firstContact = this.connect();
  }

  /** @throws StoreUnavailable, or the SDK's error where the store refused the call itself */
  async run<R>(work: (client: T, signal: AbortSignal) => Promise<R>): Promise<R> {
    const { client } = this.opened ?? (await this.awaitFirstContact());
    let refusal: Error | null = null;
    try {
      return await this.guard.run((signal) =>
        retryTransient(() => work(client, signal), this.rules, STORE_DEADLINE_MS, signal).catch((error: Error) => {
          if (this.rules.refused(error)) refusal = error;
          throw error;
        }),
      );
    } catch (error) {
      throw refusal ?? error;
    }
  }

  /** Runs `probe`. Never rejects. @param name as an operator knows the store */
  async check(name: string, probe: (client: T, signal: AbortSignal) => Promise<unknown>) {
    try {
      await this.run(probe);
      return { healthy: true, detail: name };
    } catch (error) {
      const away = error instanceof StoreUnavailable;
      return { healthy: false, detail: away ? this.guard.problem || this.problem : 'refuses our requests' };
    }
  }

  close(): void {
    this.closed = true;
    this.background.cancel();
    this.guard.close();
    this.opened?.close();
  }

  /** A request that comes while the service starts waits a little; later ones know at once. */
  private async awaitFirstContact(): Promise<Opened<T>> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, FIRST_CONTACT_MS);
    await Promise.race([this.firstContact, late.promise]);
    clearTimeout(timer);
    if (!this.opened) throw new StoreUnavailable(`${this.store}: ${this.problem}`);
    return this.opened;
  }

  private async connect(): Promise<void> {
    try {
      this.opened = await this.open();
      if (this.closed) this.opened.close();
      if (this.problem !== NOT_YET) this.logger.log(`${this.store} is back`);
      this.problem = 'no answer';
    } catch (error) {
      const problem = (error as Error).message.split('\n')[0] ?? 'unknown';
      if (this.problem === NOT_YET) {
        this.logger.warn(`${this.store} cannot be used (${problem}); one call a second tries again`);
      }
      this.problem = problem;
      this.background.after(`connecting to ${this.store}`, RECONNECT_MS, () => this.connect());
    }
  }
}

import CircuitBreaker from 'opossum';
import type { AttemptOutcome } from '../../common/attempt.js';
import type { BreakerState } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';

export interface BreakerSettings {
  /** Failures in a row that open the circuit. */
  readonly failures: number;
  readonly resetSeconds: number;
}

/** What says something about the target. A 4xx is an answer, and a caller who left is no failure of the server. */
const FAULTS: readonly AttemptOutcome[] = ['timeout', 'unreachable', 'cut', 'server_error', 'bad_answer'];
const isFault = (error: unknown): boolean => error instanceof UpstreamFailure && FAULTS.includes(error.outcome);

/** Besides failures in a row: half of at least so many times `failures` calls within 10 s (opossum's rolling window). */
const VOLUME_FACTOR = 4;
const FAILING_PERCENT = 50;
/** A probe that its caller gave up proves nothing; the next one may come soon. */
const AFTER_ABORTED_PROBE_MS = 250;
/** Replicas that opened together must not probe together: the reset time varies by this share. */
const JITTER = 0.1;

/** The circuit does not let the call through. */
export class BreakerOpen extends Error {}

/**
 * The circuit breaker of one target: opens after so many failures in a row (or when half of many calls fail), lets one
 * probe through after the reset time, and closes when that is answered. The states and the timer are opossum's.
 */
export class TargetBreaker {
  private readonly circuit: CircuitBreaker<[() => Promise<unknown>], unknown>;
  private readonly resetMs: number;
  private failuresInARow = 0;

  /** @param onChange told every new state */
  constructor(
    private readonly settings: BreakerSettings,
    onChange: (state: BreakerState) => void,
    random: () => number = Math.random,
  ) {
    this.resetMs = settings.resetSeconds * 1000 * (1 + JITTER * random());
    this.circuit = new CircuitBreaker((call: () => Promise<unknown>) => call(), {
      timeout: false, // the call has its own limits
      resetTimeout: this.resetMs,
      volumeThreshold: settings.failures * VOLUME_FACTOR,
      errorThresholdPercentage: FAILING_PERCENT,
      rollingPercentilesEnabled: false,
      errorFilter: (error: unknown) => !this.counts(error),
    });
    this.circuit.on('failure', (error) => this.failed(error));
    this.circuit.on('open', () => onChange('open'));
    this.circuit.on('halfOpen', () => onChange('half_open'));
    this.circuit.on('close', () => {
      this.failuresInARow = 0;
      onChange('closed');
    });
  }

  get state(): BreakerState {
    if (this.circuit.opened) return 'open';
    return this.circuit.halfOpen ? 'half_open' : 'closed';
  }

  /**
   * Makes the call if the circuit lets it through. Its failure is thrown on.
   *
   * @throws BreakerOpen without making the call
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (!this.circuit.closed && !this.circuit.pendingClose) throw new BreakerOpen();
    return (await this.circuit.fire(call)) as T;
  }

  /** An answer that had begun is complete. */
  answeredWhole(): void {
    this.failuresInARow = 0;
  }

  /** An answer that had begun broke off. */
  brokeOff(error: unknown): void {
    if (isFault(error)) this.failed(error);
  }

  /** Another replica found the target failing, `forMs` milliseconds from now. */
  openFor(forMs: number): void {
    if (!this.circuit.closed) return;
    this.setResetMs(forMs);
    this.circuit.open();
    this.setResetMs(this.resetMs);
  }

  /** Another replica found the target well again. */
  close(): void {
    this.circuit.close();
  }

  shutdown(): void {
    this.circuit.shutdown();
  }

  private counts(error: unknown): boolean {
    if (isFault(error)) return true;
    if (error instanceof UpstreamFailure || !this.circuit.halfOpen) return false;
    // opossum knows success and failure only; an aborted probe is neither, so it re-opens for a moment
    this.setResetMs(AFTER_ABORTED_PROBE_MS);
    queueMicrotask(() => this.setResetMs(this.resetMs));
    return true;
  }

  private failed(error: unknown): void {
    if (!isFault(error)) return;
    this.failuresInARow += 1;
    if (this.failuresInARow >= this.settings.failures) this.circuit.open();
  }

  /** opossum reads the option whenever it opens. */
  private setResetMs(ms: number): void {
    (this.circuit as unknown as { options: { resetTimeout: number } }).options.resetTimeout = ms;
  }
}

import CircuitBreaker from 'opossum';
import { meaningOf } from '../../common/attempt.js';
import type { BreakerState } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';

export interface BreakerSettings {
  /** Failures in a row that open the circuit. */
  readonly failures: number;
  /** The longest wait between two probes; the first come earlier, see `probeDelayMs`. */
  readonly resetSeconds: number;
}

const isFault = (error: unknown): boolean => error instanceof UpstreamFailure && error.isFault;
const isAnswer = (error: unknown): boolean =>
  error instanceof UpstreamFailure && !meaningOf(error.outcome).isUnasked && !error.detail.isShort;

/** Besides failures in a row: half of at least so many times `failures` calls within 10 s (opossum's rolling window). */
const VOLUME_FACTOR = 4;
const FAILING_PERCENT = 50;
/** A probe that its caller gave up proves nothing; the next one may come soon. */
const AFTER_ABORTED_PROBE_MS = 250;

/** Of the waits between probes, milliseconds and shares; see `probeDelayMs`. */
const FIRST_MS = 2_000;
const EARLY_JITTER = 0.25;

/** The circuit does not let the call through. */
export class BreakerOpen extends Error {}

/**
 * The circuit breaker of one target: opens after so many failures in a row (or when half of many calls fail), lets one
 * probe through after a while, and closes when that is answered. The states and the timer are opossum's.
 */
export class TargetBreaker {
  private readonly circuit: CircuitBreaker<[() => Promise<unknown>], unknown>;
  private failuresInARow = 0;
  /** Probes since it opened; with each the next one comes later. */
  private probes = 0;
  private openedAt = 0;
  /** How long the next opening is to last, milliseconds; `null` = as long as `probeDelayMs` says. */
  private openMs: number | null = null;

  /** @param onChange told every new state, and for `open` the milliseconds until the next probe */
  constructor(
    private readonly settings: BreakerSettings,
    onChange: (state: BreakerState, openMs: number) => void,
    random: () => number = Math.random,
  ) {
    const options: CircuitBreaker.Options = {
      timeout: false, // the call has its own limits
      volumeThreshold: settings.failures * VOLUME_FACTOR,
      errorThresholdPercentage: FAILING_PERCENT,
      rollingPercentilesEnabled: false,
      errorFilter: (error: unknown) => !this.counts(error),
    };
    this.circuit = new CircuitBreaker((call: () => Promise<unknown>) => call(), options);
    this.circuit.on('failure', (error) => this.failed(error));
    // before opossum's own listener, which starts the timer
    this.circuit.prependListener('open', () => {
      this.openedAt = performance.now();
      options.resetTimeout = this.openMs ?? probeDelayMs(this.probes, settings.resetSeconds, random());
      this.openMs = null;
      onChange('open', options.resetTimeout);
    });
    this.circuit.on('halfOpen', () => {
      this.probes += 1;
      onChange('half_open', 0);
    });
    this.circuit.on('close', () => {
      this.failuresInARow = 0;
      this.probes = 0;
      onChange('closed', 0);
    });
  }

  get state(): BreakerState {
    if (this.circuit.opened) return 'open';
    return this.circuit.halfOpen ? 'half_open' : 'closed';
  }

  /** Whether the next call is a probe. */
  get awaitsProbe(): boolean {
    return this.circuit.pendingClose;
  }

  get probesSoFar(): number {
    return this.probes;
  }

  /** Milliseconds since it last opened. */
  get openSinceMs(): number {
    return performance.now() - this.openedAt;
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

  /** Another replica found the target failing: open for `forMs` milliseconds from now, after so many probes. */
  openFor(forMs: number, probes: number): void {
    if (!this.circuit.closed && !this.circuit.pendingClose) return;
    this.openMs = forMs;
    this.circuit.open();
    this.probes = probes;
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
    if (isAnswer(error) || !this.circuit.halfOpen) return false;
    // opossum knows success and failure only; a probe that was not made is neither, so it re-opens for a moment
    this.openMs = AFTER_ABORTED_PROBE_MS;
    this.probes -= 1;
    return true;
  }

  private failed(error: unknown): void {
    if (!isFault(error)) return;
    this.failuresInARow += 1;
    if (this.failuresInARow >= this.settings.failures) this.circuit.open();
  }
}

/** Of `resilience.breaker.resetSeconds`: 20 to 26 s of a minute, so that nobody is away for 30 s after the recovery. */
const STEADY_SHARE = 1 / 3;
const STEADY_JITTER = 0.1;

/**
 * How long an open circuit waits until the next probe: about 2, 4, 8, 16 s, then a third of the reset time and a little
 * more. A short outage costs seconds, a long one few probes; replicas that opened together do not probe together.
 *
 * @param failedProbes since it opened
 * @param random 0 to 1
 * @returns milliseconds
 */
export function probeDelayMs(failedProbes: number, resetSeconds: number, random: number): number {
  const early = FIRST_MS * 2 ** Math.min(failedProbes, 16) * (1 + EARLY_JITTER * random);
  return Math.min(early, resetSeconds * 1000 * (STEADY_SHARE + STEADY_JITTER * random));
}

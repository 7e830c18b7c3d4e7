import CircuitBreaker from 'opossum';
import type { AttemptOutcome } from '../../common/attempt.js';
import type { BreakerState } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';

export interface BreakerSettings {
  /** Failures in a row that open the circuit. */
  readonly failures: number;
  /** The longest wait between two probes; the first come earlier, see `probeDelayMs`. */
  readonly resetSeconds: number;
}

/** What says something about the target. A 4xx is an answer, and a caller who left is no failure of the server. */
const FAULTS: readonly AttemptOutcome[] = ['timeout', 'unreachable', 'cut', 'server_error', 'bad_answer'];
const isFault = (error: unknown): boolean => error instanceof UpstreamFailure && FAULTS.includes(error.outcome);

/** No slot was free here, or the caller left: the server was never asked. */
const UNASKED: readonly AttemptOutcome[] = ['overloaded', 'aborted'];
const isAnswer = (error: unknown): boolean => error instanceof UpstreamFailure && !UNASKED.includes(error.outcome);

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

  /** @param onChange told every new state, and for `open` the milliseconds until the next probe */
  constructor(
    private readonly settings: BreakerSettings,
    onChange: (state: BreakerState, openMs: number) => void,
    private readonly random: () => number = Math.random,
  ) {
    this.circuit = new CircuitBreaker((call: () => Promise<unknown>) => call(), {
      timeout: false, // the call has its own limits
      resetTimeout: this.nextOpenMs(),
      volumeThreshold: settings.failures * VOLUME_FACTOR,
      errorThresholdPercentage: FAILING_PERCENT,
      rollingPercentilesEnabled: false,
      errorFilter: (error: unknown) => !this.counts(error),
    });
    this.circuit.on('failure', (error) => this.failed(error));
    this.circuit.on('open', () => {
      this.openedAt = performance.now();
      onChange('open', this.openMs);
    });
    this.circuit.on('halfOpen', () => {
      this.probes += 1;
      this.openMs = this.nextOpenMs();
      onChange('half_open', 0);
    });
    this.circuit.on('close', () => {
      this.failuresInARow = 0;
      this.probes = 0;
      this.openMs = this.nextOpenMs();
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
    this.openMs = this.nextOpenMs();
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
    queueMicrotask(() => (this.openMs = this.nextOpenMs()));
    return true;
  }

  private failed(error: unknown): void {
    if (!isFault(error)) return;
    this.failuresInARow += 1;
    if (this.failuresInARow >= this.settings.failures) this.circuit.open();
  }

  private nextOpenMs(): number {
    return probeDelayMs(this.probes, this.settings.resetSeconds, this.random());
  }

  /** opossum reads the option whenever it opens, so it holds what the next opening is to last. */
  private get openMs(): number {
    return this.options.resetTimeout;
  }

  private set openMs(ms: number) {
    this.options.resetTimeout = ms;
  }

  private get options(): { resetTimeout: number } {
    return (this.circuit as unknown as { options: { resetTimeout: number } }).options;
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

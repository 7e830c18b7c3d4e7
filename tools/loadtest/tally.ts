import { build } from 'hdr-histogram-js';
import { INTERRUPTED, type Outcome } from './outcome.js';

type Histogram = ReturnType<typeof build>;

/** Microseconds: one hour. */
const LONGEST_US = 3_600_000_000;
const US = 1000;
/** Names that come from the service are a closed set there; a wrong address could invent any number. */
const MOST_NAMES = 100;
const MOST_SLICES = 240;
/** x-router-cost-usd has nine decimals: sums of whole numbers are exact. */
const COST_UNITS = 1e9;

/** 95 kB whatever is recorded, three significant digits. */
export const newHistogram = (digits: 2 | 3 = 3): Histogram =>
  build({ highestTrackableValue: LONGEST_US, numberOfSignificantValueDigits: digits, autoResize: false });

export function record(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(LONGEST_US - 1, Math.max(0, Math.round(ms * US))));
}

/** Milliseconds; `null` of none. A histogram rounds up, so beyond the largest value as well. */
export const percentileOf = (histogram: Histogram, percentile: number): number | null =>
  histogram.totalCount === 0 ? null : Math.min(histogram.getValueAtPercentile(percentile), histogram.maxValue) / US;

/** What requests of one kind add up to. */
export interface Sums {
  requests: number;
  prompt_tokens: number;
  completion_tokens: number;
  /** Plain answers only: streams do not tell. */
  cost_usd: number;
}

/** Sums by a name. */
class SumsByName {
  readonly byName = new Map<string, { requests: number; prompt: number; completion: number; cost: number }>();

  add(given: string, { tokens, costUsd }: Outcome): void {
    const name = this.byName.has(given) || this.byName.size < MOST_NAMES ? given : 'other';
    let sums = this.byName.get(name);
    if (!sums) this.byName.set(name, (sums = { requests: 0, prompt: 0, completion: 0, cost: 0 }));
    sums.requests += 1;
    sums.prompt += tokens?.prompt ?? 0;
    sums.completion += tokens?.completion ?? 0;
    sums.cost += Math.round((costUsd ?? 0) * COST_UNITS);
  }

  toJSON(): Record<string, Sums> {
    const entries = [...this.byName].sort(([, a], [, b]) => b.requests - a.requests);
    return Object.fromEntries(
      entries.map(([name, { requests, prompt, completion, cost }]) => [
        name,
        { requests, prompt_tokens: prompt, completion_tokens: completion, cost_usd: cost / COST_UNITS },
      ]),
    );
  }
}

/** Counts of requests; every one is in each of the groups once. */
export class Counts {
  readonly all = new SumsByName();
  readonly byStatus = new SumsByName();
  readonly byTarget = new SumsByName();
  /** `<status> <target>`. */
  readonly byStatusAndTarget = new SumsByName();
  readonly byCache = new SumsByName();
  readonly errors = new SumsByName();
  requests = 0;
  answered = 0;
  interrupted = 0;
  fallbacks = 0;
  attempts = 0;
  withTokens = 0;
  withCost = 0;
  hits = 0;

  add(outcome: Outcome): void {
    const status = String(outcome.status);
    this.requests += 1;
    this.all.add('all', outcome);
    this.byStatus.add(status, outcome);
    this.byTarget.add(outcome.target, outcome);
    this.byStatusAndTarget.add(`${status} ${outcome.target}`, outcome);
    this.byCache.add(outcome.cache, outcome);
    if (outcome.error === null) this.answered += 1;
    else this.errors.add(outcome.error, outcome);
    if (outcome.error === INTERRUPTED) this.interrupted += 1;
    if (outcome.fallback) this.fallbacks += 1;
    this.attempts += outcome.attempts;
    if (outcome.tokens) this.withTokens += 1;
    if (outcome.costUsd !== null) this.withCost += 1;
    if (outcome.error === null && isHit(outcome)) this.hits += 1;
  }
}

/** SHARED joined a generation that was under way: a model was called for it, by another. */
const isHit = ({ cache }: Outcome): boolean => cache === 'HIT' || cache === 'STALE';

/** What ended within one stretch of time. */
class Slice {
  readonly latency = newHistogram(2);
  readonly firstToken = newHistogram(2);
  answered = 0;
  failed = 0;
  hits = 0;

  add(outcome: Outcome, latencyMs: number, firstTokenMs: number | null): void {
    if (outcome.error !== null) {
      this.failed += 1;
      return;
    }
    this.answered += 1;
    if (isHit(outcome)) this.hits += 1;
    record(this.latency, latencyMs);
    if (firstTokenMs !== null) record(this.firstToken, firstTokenMs);
  }

  take({ latency, firstToken, answered, failed, hits }: Slice): void {
    this.latency.add(latency);
    this.firstToken.add(firstToken);
    this.answered += answered;
    this.failed += failed;
    this.hits += hits;
  }
}

/**
 * Adds outcomes up as they come, in memory that does not grow with their number: histograms, counts by name, and at
 * most 240 slices of time, which become twice as long when they run out.
 */
export class Tally {
  /** Everything that was sent. */
  readonly total = new Counts();
  /** Without the warm-up. */
  readonly measured = new Counts();
  /** Complete answers; an open loop counts from when they were due. */
  readonly latency = newHistogram();
  /** The same, from when they were sent. */
  readonly service = newHistogram();
  readonly firstToken = newHistogram();
  readonly gap = newHistogram();
  sliceMs = 250;
  private slices: (Slice | undefined)[] = [];

  /**
   * @param startedMs when it was to be sent, since the start of the run
   * @param latencyMs from then until it ended
   */
  add(outcome: Outcome, startedMs: number, latencyMs: number, measured: boolean): void {
    const waited = latencyMs - outcome.ms;
    const firstTokenMs = outcome.firstTokenMs === null ? null : outcome.firstTokenMs + waited;
    this.total.add(outcome);
    if (outcome.error !== INTERRUPTED) this.sliceAt(startedMs + latencyMs).add(outcome, latencyMs, firstTokenMs);
    if (!measured) return;
    this.measured.add(outcome);
    if (outcome.error !== null) return;
    record(this.latency, latencyMs);
    record(this.service, outcome.ms);
    if (firstTokenMs !== null) record(this.firstToken, firstTokenMs);
    if (outcome.gapMs !== null) record(this.gap, outcome.gapMs);
  }

  /** Stretches of time without a request in them are there too. */
  get timeline(): readonly (Slice | undefined)[] {
    return Array.from(this.slices);
  }

  private sliceAt(ms: number): Slice {
    while (ms / this.sliceMs >= MOST_SLICES) this.halve();
    const index = Math.max(0, Math.floor(ms / this.sliceMs));
    return (this.slices[index] ??= new Slice());
  }

  private halve(): void {
    const halves: (Slice | undefined)[] = [];
    this.slices.forEach((slice, index) => {
      if (!slice) return;
      const at = index >> 1;
      const before = halves[at];
      if (before) before.take(slice);
      else halves[at] = slice;
    });
    this.slices = halves;
    this.sliceMs *= 2;
  }
}

import { arrivalEvidence, type ArrivalEvidence, type ArrivalMinute } from './arrivals.js';
import { normalQuantile } from './distributions.js';
import { failureEvidence, type FailureEvidence, type FailureMinute } from './failure-test.js';
import { costEvidence, latencyEvidence, latencyRatio, type LatencyMinute, type RatioEvidence } from './ratio-test.js';
import { arrivedOf, byMinute, type Sample, type Samples } from './samples.js';

/** Of one run of up to 15 looks: five measures are looked at, each has its part (Bonferroni). */
export const FALSE_ALARM = 0.05;
const MEASURES = 5;
const LOOKS = 15;
/** A look at one measure speaks against the new revision below this. */
export const ALPHA = FALSE_ALARM / MEASURES / LOOKS;
/** Of "no worse": each measure has to show it at this level, so that all do (Berger, Technometrics 24 (1982) 295-300). */
export const FALSE_PROMOTION = 0.05;
const Z = normalQuantile(FALSE_PROMOTION);
/** Before the second minute nothing tells a bad minute from a bad revision. */
const LEAST_MINUTES = 2;
/** Of the new revision, from its first request on: connections are made and code is compiled; its p95 is not judged. */
const WARM_UP_MINUTES = 2;
/** p95 of fewer is one request. */
const LEAST_FOR_P95 = 5;

/** A minute in which both revisions had requests. */
export interface Pair {
  readonly minute: number;
  readonly old: Sample;
  readonly new: Sample;
}

/** What there is to judge by; minutes count since 1970. */
export interface Watched {
  readonly pairs: readonly Pair[];
  /** The new revision's first. */
  readonly first: number;
  /** From the new revision's first request to the last minute of either, both included; 0 = it had none. */
  readonly minutes: number;
  /** Minutes at the end in which the old one had requests and the new one had none. */
  readonly silent: number;
  readonly hasOld: boolean;
  readonly hasNew: boolean;
  readonly arrivals: ArrivalEvidence;
}

/** The first and the last of them; not by spreading, which ends at some 100,000. */
const reach = (minutes: Iterable<number>): readonly [number, number] => {
  let [first, last] = [Infinity, -Infinity];
  for (const minute of minutes) [first, last] = [Math.min(first, minute), Math.max(last, minute)];
  return [first, last];
};

const withRequests = (samples: readonly Sample[]): ReadonlyMap<number, Sample> =>
  new Map([...byMinute(samples)].filter(([, sample]) => arrivedOf(sample) > 0));

const arrivedIn = (sample: Sample | undefined): number => (sample ? arrivedOf(sample) : 0);

/** Minutes in which one of them had a request, in order. */
function arrivalsOf(old: ReadonlyMap<number, Sample>, fresh: ReadonlyMap<number, Sample>): ArrivalMinute[] {
  const minutes = [...new Set([...old.keys(), ...fresh.keys()])].sort((a, b) => a - b);
  return minutes.map((minute) => ({
    minute,
    old: arrivedIn(old.get(minute)),
    new: arrivedIn(fresh.get(minute)),
  }));
}

/**
 * Pairs the revisions by minute. What was before the new one's first request is left out, but for the question whether its
 * weight brings it requests.
 */
export function watched(samples: Samples): Watched {
  const [old, fresh] = [withRequests(samples.old), withRequests(samples.new)];
  const [first, lastNew] = reach(fresh.keys());
  const last = Math.max(lastNew, reach(old.keys())[1]);
  const pairs = [...fresh].flatMap(([minute, one]) => {
    const other = old.get(minute);
    return other ? [{ minute, old: other, new: one }] : [];
  });
  const weight = samples.weight === undefined ? undefined : samples.weight / 100;
  const arrivals = arrivalsOf(old, fresh).filter(({ minute }) => weight !== undefined || minute >= first);
  return {
    pairs: pairs.sort((a, b) => a.minute - b.minute),
    first,
    minutes: fresh.size === 0 ? 0 : last - first + 1,
    silent: fresh.size === 0 ? 0 : last - lastNew,
    hasOld: old.size > 0,
    hasNew: fresh.size > 0,
    arrivals: arrivalEvidence(arrivals, weight),
  };
}

/** Of each measure; `null` = it is not known in two minutes of both revisions. */
export interface Evidence {
  readonly failures: FailureEvidence | null;
  readonly latency: RatioEvidence | null;
  readonly cost: RatioEvidence | null;
  readonly refusals: FailureEvidence | null;
  /** How many times as slow the new one was in the newest minute of both; `null` = not known. */
  readonly newestP95: number | null;
}

/** Refused requests of all that came, where they are known. */
function refusalsFrom(all: readonly Pair[]): FailureMinute[] {
  return all.flatMap(({ old, new: fresh }) =>
    old.refused === undefined || fresh.refused === undefined
      ? []
      : [
          {
            oldRequests: arrivedOf(old),
            oldErrors: old.refused,
            newRequests: arrivedOf(fresh),
            newErrors: fresh.refused,
          },
        ],
  );
}

/** p95 of both, where they had enough requests, and once the new one is warm. */
function latenciesFrom(all: readonly Pair[], warmFrom: number): LatencyMinute[] {
  return all.flatMap(({ minute, old, new: fresh }) => {
    if (minute < warmFrom || old.p95_ms === null || fresh.p95_ms === null) return [];
    const enough = old.requests >= LEAST_FOR_P95 && fresh.requests >= LEAST_FOR_P95;
    const of = { oldMs: old.p95_ms, newMs: fresh.p95_ms, oldRequests: old.requests, newRequests: fresh.requests };
    return enough ? [of] : [];
  });
}

/** @param first minute of the new one */
export function evidenceFrom(all: readonly Pair[], first: number): Evidence {
  const refusals = refusalsFrom(all);
  const pairs = all.filter((pair) => pair.old.requests > 0 && pair.new.requests > 0);
  const failures = pairs.map((pair) => ({
    oldRequests: pair.old.requests,
    oldErrors: pair.old.errors,
    newRequests: pair.new.requests,
    newErrors: pair.new.errors,
  }));
  const latencies = latenciesFrom(pairs, first + WARM_UP_MINUTES);
  const newest = latenciesFrom(pairs.slice(-1), first + WARM_UP_MINUTES)[0];
  const costs = pairs.flatMap(({ old, new: fresh }) =>
    old.cost_usd === null || fresh.cost_usd === null
      ? []
      : [
          {
            oldUsd: old.cost_usd,
            oldRequests: old.requests,
            newUsd: fresh.cost_usd,
            newRequests: fresh.requests,
          },
        ],
  );
  return {
    failures: failures.length < LEAST_MINUTES ? null : failureEvidence(failures, Z),
    latency: latencies.length < LEAST_MINUTES ? null : latencyEvidence(latencies, FALSE_PROMOTION),
    cost: costs.length < LEAST_MINUTES ? null : costEvidence(costs, FALSE_PROMOTION),
    refusals: refusals.length < LEAST_MINUTES ? null : failureEvidence(refusals, Z),
    newestP95: newest ? latencyRatio(newest) : null,
  };
}

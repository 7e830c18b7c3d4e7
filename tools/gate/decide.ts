import { MOST_LATE, type ArrivalEvidence } from './arrivals.js';
import { ALPHA, evidenceFrom, FALSE_PROMOTION, watched, type Evidence, type Watched } from './evidence.js';
import type { FailureEvidence } from './failure-test.js';
import type { RatioEvidence } from './ratio-test.js';
import type { Samples } from './samples.js';
import { factor, limitsPassed, measured, ofWeight, percent, points, sentence } from './wording.js';

export interface Decision {
  readonly decision: 'promote' | 'hold' | 'rollback';
  /** For a person: one or two sentences. */
  readonly reason: string;
  readonly figures: {
    readonly minutes: number;
    readonly requests: { readonly old: number; readonly new: number };
    readonly failures: FailureEvidence | null;
    readonly p95: RatioEvidence | null;
    readonly cost: RatioEvidence | null;
    readonly refusals: FailureEvidence | null;
    readonly arrivals: ArrivalEvidence;
  };
}

/** The scaling guide: 15 minutes for errors and latency. */
export const WATCH_MINUTES = 15;
/** A minute or two that both had no request in are no gap. */
const LEAST_COVERED = 0.8;
/** So many minutes in which requests were lost are a reason to go back; at the end, more than may be late. */
const LOST_MINUTES = 3;
/** Of the weight. A little less may be the way its requests are counted; much less are requests that nobody answered. */
const SHARE_TO_HOLD = 0.9;
const SHARE_TO_GO_BACK = 0.75;
/** Of the new revision. Ten a minute; with fewer not even a run without an error shows that it fails no more (docs/RELEASE.md). */
const LEAST_REQUESTS = 150;
/** How much worse the new one may be at most: points of the error rate, or a quarter of the old one's where that is more. */
const MARGIN_ERRORS = 0.02;
const MARGIN_ERRORS_RELATIVE = 0.25;
const MARGIN_RATIO = 1.25;
/** The newest minute may be the beginning of what comes. */
const MOST_NEWEST_RATIO = 3;
/** A difference below this, however certain, is no reason to go back. */
const MATTERS_OF_MARGIN = 0.25;
const MATTERS_RATIO = 1.1;
/** One request that failed is no evidence, whatever it is compared with. */
const LEAST_EXCESS_ERRORS = 3;
/** Where most of all fails, nobody has seen the new revision work. */
const MOST_FAILED = 0.5;

const errorMargin = ({ oldRate }: FailureEvidence): number => Math.max(MARGIN_ERRORS, MARGIN_ERRORS_RELATIVE * oldRate);

/** Requests that the new revision should have had and has told nothing of: nobody answered them. */
function unanswered({ lost, lostAtEnd, share }: ArrivalEvidence): string[] {
  const reasons: string[] = [];
  if (lost >= LOST_MINUTES || lostAtEnd > MOST_LATE)
    reasons.push(
      `answers to nobody: it has told of no request in ${lost + lostAtEnd} minutes in which it should have had some`,
    );
  if (share && share.pWithoutWorst < ALPHA && share.share <= SHARE_TO_GO_BACK * share.weight)
    reasons.push(`loses requests: ${ofWeight(share)}`);
  return reasons;
}

const isMore = (one: FailureEvidence): boolean =>
  one.p < ALPHA &&
  one.newRate - one.oldRate >= MATTERS_OF_MARGIN * errorMargin(one) &&
  one.excessErrors >= LEAST_EXCESS_ERRORS;

/** Each measure by which the new revision is worse: significantly, and so that it matters. */
function worse({ failures, latency, cost, refusals }: Evidence, { arrivals }: Watched): string[] {
  const reasons = unanswered(arrivals);
  for (const [what, one] of [
    ['fails', failures],
    ['refuses', refusals],
  ] as const)
    if (one && isMore(one))
      reasons.push(`${what} more: ${percent(one.newRate)} of its requests, the old one ${percent(one.oldRate)}`);
  const isWorse = (one: RatioEvidence | null): one is RatioEvidence =>
    one !== null && one.p < ALPHA && one.ratio >= MATTERS_RATIO;
  if (isWorse(latency)) reasons.push(`is slower: its p95 is ${factor(latency.ratio)} the old one's`);
  if (isWorse(cost)) reasons.push(`is dearer: a request costs ${factor(cost.ratio)} as much`);
  return reasons;
}

/** Why the samples cannot be judged, or not yet; `null` = they can. */
function notEnough({ minutes, pairs, silent, hasOld, hasNew, arrivals }: Watched): string | null {
  if (!hasOld && !hasNew) return 'no data: neither revision has had a request';
  if (!hasNew) return 'the new revision has had no request; look whether its weight gets any, and whether it starts';
  if (!hasOld) return 'the old revision has had no request; there is nothing to compare the new one with';
  if (silent > 0) return `the new revision has told of no request for ${silent} min; look whether it runs`;
  if (minutes < WATCH_MINUTES)
    return `watched for ${minutes} of ${WATCH_MINUTES} minutes; nothing speaks against it yet`;
  if (arrivals.lost > 0)
    return `the new revision has told of no request in ${arrivals.lost} of ${minutes} minutes, though the old one had enough of them; look whether it restarts`;
  if (pairs.length < LEAST_COVERED * minutes)
    return `gaps: both revisions had requests in only ${pairs.length} of ${minutes} minutes`;
  const requests = pairs.reduce((sum, pair) => sum + pair.new.requests, 0);
  if (requests < LEAST_REQUESTS)
    return `too little traffic: ${requests} requests of the new revision in ${minutes} minutes, ${LEAST_REQUESTS} are the least to judge by; give it more weight`;
  return null;
}

/** How sure it is that a ratio is below the margin. */
function ratioUnsure(what: string, one: RatioEvidence | null, least: number): string[] {
  if (one === null || one.minutes < least)
    return [`the ${what} of both is known in only ${one?.minutes ?? 0} minutes, ${least} are the least`];
  return one.upper <= MARGIN_RATIO ? [] : [`its ${what} may be up to ${factor(one.upper)} the old one's`];
}

/** What is not shown to be no worse; empty = everything is. */
function unsure(
  { failures, latency, cost, refusals, newestP95 }: Evidence,
  { pairs, arrivals: { share } }: Watched,
): string[] {
  const least = Math.ceil((LEAST_COVERED * pairs.length * 4) / 5);
  const reasons: string[] = [];
  if (failures && failures.excessUpper > errorMargin(failures))
    reasons.push(`it may fail up to ${points(failures.excessUpper)} more often`);
  if (refusals && refusals.excessUpper > errorMargin(refusals))
    reasons.push(`it may refuse up to ${points(refusals.excessUpper)} more of its requests`);
  const known = pairs.filter((pair) => pair.old.refused !== undefined && pair.new.refused !== undefined).length;
  const isCounted = pairs.some((pair) => pair.old.refused !== undefined || pair.new.refused !== undefined);
  if (isCounted && known < least)
    reasons.push(`refused requests of both are known in only ${known} minutes, ${least} are the least`);
  if (share && share.p < FALSE_PROMOTION && share.share < SHARE_TO_HOLD * share.weight)
    reasons.push(`it may lose requests: ${ofWeight(share)}`);
  if (newestP95 !== null && newestP95 > MOST_NEWEST_RATIO)
    reasons.push(`its p95 was ${factor(newestP95)} the old one's in the newest minute`);
  reasons.push(...ratioUnsure('p95', latency, least));
  const isPriced = pairs.some((pair) => pair.old.cost_usd !== null || pair.new.cost_usd !== null);
  if (isPriced) reasons.push(...ratioUnsure('cost per request', cost, least));
  return reasons;
}

/** What to do with the new revision. Pure; docs/RELEASE.md says by which tests and how often they err. */
export function decide(samples: Samples): Decision {
  const seen = watched(samples);
  const evidence = evidenceFrom(seen.pairs, seen.first);
  const total = (which: 'old' | 'new') => seen.pairs.reduce((sum, pair) => sum + pair[which].requests, 0);
  const { failures, latency: p95, cost, refusals } = evidence;
  const figures = {
    minutes: seen.minutes,
    requests: { old: total('old'), new: total('new') },
    ...{ failures, p95, cost, refusals, arrivals: seen.arrivals },
  };
  const decided = (decision: Decision['decision'], ...parts: string[]): Decision => ({
    decision,
    reason: sentence([...parts, ...limitsPassed(evidence, seen.pairs)]),
    figures,
  });
  const against = worse(evidence, seen);
  if (against.length > 0) return decided('rollback', `The new revision ${against.join('; it ')}`);
  const lacking = notEnough(seen);
  if (lacking !== null) return decided('hold', lacking);
  if (failures && Math.min(failures.oldRate, failures.newRate) > MOST_FAILED)
    return decided('hold', 'more than half of the requests of both revisions fail; wait until the service is well');
  const open = unsure(evidence, seen);
  if (open.length > 0) return decided('hold', `not shown that it is no worse: ${open.join('; ')}`);
  return decided('promote', `The new revision is no worse: ${measured(evidence)}`);
}

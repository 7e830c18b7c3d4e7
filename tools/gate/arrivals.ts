import { normalTail } from './distributions.js';

/** Requests of both revisions in one minute, refused ones too; minutes count since 1970. */
export interface ArrivalMinute {
  readonly minute: number;
  readonly old: number;
  readonly new: number;
}

/** The new revision's part of the requests against its part of the traffic. */
export interface ShareEvidence {
  /** 0 to 1, as the others. */
  readonly weight: number;
  readonly share: number;
  /** Of the test that its part is below its weight. */
  readonly p: number;
  /** The same without its worst minute. */
  readonly pWithoutWorst: number;
}

/** What the requests that are told of say of those that are not: a replica that does not answer writes no line either. */
export interface ArrivalEvidence {
  /** Minutes without a request of the new one that chance cannot explain, with others after them. */
  readonly lost: number;
  /** The same at the end, where they may only be late. */
  readonly lostAtEnd: number;
  /** `null` = the weight is not known, or not two minutes are. */
  readonly share: ShareEvidence | null;
}

/** A minute without a request is a lost one where chance leaves it so empty more seldom. */
const EMPTY_BY_CHANCE = 0.001;
/** As many minutes at the end may be late in the workspace. */
export const MOST_LATE = 3;
/** Coefficient of variation of a minute's share beyond chance: callers with sessions, replicas that come and go. */
const SHARE_VARIES = 0.15;
const LEAST_MINUTES = 2;

const sumOf = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((sum, item) => sum + value(item), 0);

/** That so few requests come to the new one, when each minute's share varies around the weight. */
function shortfall(minutes: readonly ArrivalMinute[], weight: number): number {
  const all = (one: ArrivalMinute) => one.old + one.new;
  const missing = sumOf(minutes, (one) => weight * all(one) - one.new);
  const variance = sumOf(
    minutes,
    (one) => all(one) * weight * (1 - weight) + (SHARE_VARIES * weight * all(one)) ** 2, // binomial, and between minutes
  );
  return variance === 0 ? 1 : normalTail(missing / Math.sqrt(variance));
}

function shareEvidence(minutes: readonly ArrivalMinute[], weight: number): ShareEvidence | null {
  if (minutes.length < LEAST_MINUTES) return null;
  const missing = (one: ArrivalMinute) => weight * (one.old + one.new) - one.new;
  const kept = [...minutes].sort((a, b) => missing(a) - missing(b)).slice(0, -1);
  return {
    weight,
    share: sumOf(minutes, (one) => one.new) / sumOf(minutes, (one) => one.old + one.new),
    p: shortfall(minutes, weight),
    pWithoutWorst: shortfall(kept, weight),
  };
}

/**
 * @param minutes in order, from when on the new one had its weight; without a weight from its first request
 * @param weight 0 to 1; `undefined` = not known: the new one's own usual part of the traffic stands for it, and no share is judged
 */
export function arrivalEvidence(minutes: readonly ArrivalMinute[], weight: number | undefined): ArrivalEvidence {
  const lastTold = minutes.findLastIndex((one) => one.new > 0);
  const told = minutes.filter((one) => one.new > 0 && one.old > 0);
  const own = told.length === 0 ? 0 : sumOf(told, (one) => one.new) / sumOf(told, (one) => one.old);
  const perOld = weight === undefined ? own : weight / (1 - weight);
  const isLost = (one: ArrivalMinute) => one.new === 0 && Math.exp(-one.old * perOld) < EMPTY_BY_CHANCE;
  const before = minutes.slice(0, lastTold + 1);
  const lostAtEnd = minutes.slice(lastTold + 1).filter(isLost).length;
  return {
    lost: before.filter(isLost).length,
    lostAtEnd,
    share: weight === undefined ? null : shareEvidence(lostAtEnd > MOST_LATE ? minutes : before, weight),
  };
}

import { BoundedMap } from '../../../common/bounded-map.js';
import type { Strategy } from '../../../common/config/config.schema.js';

/** Scores remembered of each model name. */
const WINDOW = 256;
/** Evenly spread scores that stand for the calibration until traffic has displaced them. */
const PRIOR = 20;
/** Decisions before the traffic says more than the calibration does. */
const ENOUGH = 24;
/** Shares kept at a time; the one not used for longest goes first. About 4 kB each. */
const MOST_STATES = 1_000;
/** How far one strong decision too many moves the threshold, in units of score. */
const CORRECTION = 0.01;

interface State {
  readonly share: number;
  /** Scores in order of arrival; `next` is the oldest once the window is full. */
  readonly ring: number[];
  /** The same scores, ascending. */
  readonly sorted: number[];
  next: number;
  /** Strong decisions more than the share allows; negative = fewer. */
  surplus: number;
  decisions: number;
}

/** What keeps a share of its own: scores of strategies have different scales, and nobody's traffic moves another's. */
export interface ShareOf {
  readonly tenant: string;
  readonly model: string;
  readonly strategy: Strategy;
  /** That was asked for, 0 to 1. */
  readonly share: number;
}

/**
 * Keeps the share of strong decisions at what was asked, whatever the traffic, for each tenant, model name and strategy by
 * itself. The threshold is the calibrated one until enough was seen, then the running quantile of the latest scores, moved
 * by what the share has been missed by so far: so it follows the traffic at once, and a lasting error (equal scores,
 * conversations that stay where they are) corrects itself.
 */
export class ShareControl {
  private readonly states = new BoundedMap<string, State>(MOST_STATES);

  /** Threshold for scores that are shares (0 to 1); the calibrated one is 1 - share. Changes nothing. */
  thresholdOf(of: ShareOf): number {
    const { share } = of;
    // no score reaches 2, and all reach -1
    if (share === 0) return 2;
    if (share === 1) return -1;
    const state = this.states.get(keyOf(of));
    if (!state || state.share !== share || state.decisions < ENOUGH) return 1 - share;
    const { sorted, surplus } = state;
    return sorted[Math.min(sorted.length - 1, Math.floor((1 - share) * sorted.length))]! + CORRECTION * surplus;
  }

  /** Counts one live decision. */
  record(of: ShareOf, score: number, strong: boolean): void {
    const state = this.stateOf(of);
    const { ring, sorted } = state;
    if (ring.length < WINDOW) ring.push(score);
    else {
      sorted.splice(indexOf(sorted, ring[state.next]!), 1);
      ring[state.next] = score;
      state.next = (state.next + 1) % WINDOW;
    }
    sorted.splice(indexOf(sorted, score), 0, score);
    state.decisions += 1;
    // a long stretch in which nothing was free to choose must not be paid back for ever
    const most = 1 / CORRECTION;
    state.surplus = Math.min(most, Math.max(-most, state.surplus + (strong ? 1 : 0) - of.share));
  }

  private stateOf(of: ShareOf): State {
    const key = keyOf(of);
    let state = this.states.get(key);
    if (!state || state.share !== of.share) {
      const prior = Array.from({ length: PRIOR }, (_, i) => (i + 0.5) / PRIOR);
      state = { share: of.share, ring: prior, sorted: [...prior], next: 0, surplus: 0, decisions: 0 };
    }
    this.states.set(key, state);
    return state;
  }
}

/** No two run together: a strategy has no blank, and the length says where the model's name ends. */
const keyOf = ({ strategy, model, tenant }: ShareOf): string => `${strategy} ${model.length} ${model}${tenant}`;

/** First index whose value is not below `value`. */
function indexOf(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Scores remembered of each model name. */
const WINDOW = 256;
/** Evenly spread scores that stand for the calibration until traffic has displaced them. */
const PRIOR = 20;
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

/**
 * Keeps the share of strong decisions at what was asked, whatever the traffic. The threshold of a model name is the
 * running quantile of its latest scores, moved by what the share has been missed by so far: so it follows the traffic at
 * once, and a lasting error (equal scores, conversations that stay where they are) corrects itself.
 */
export class ShareControl {
  private readonly states = new Map<string, State>();

  /** Threshold for scores that are shares (0 to 1); before any decision the calibrated one, 1 - share. */
  thresholdOf(model: string, share: number): number {
    const { sorted, surplus, decisions } = this.stateOf(model, share);
    // no score reaches 2, and all reach -1
    if (share === 0) return 2;
    if (share === 1) return -1;
    if (decisions === 0) return 1 - share;
    return sorted[Math.min(sorted.length - 1, Math.floor((1 - share) * sorted.length))]! + CORRECTION * surplus;
  }

  /** Counts one live decision. */
  record(model: string, share: number, score: number, strong: boolean): void {
    const state = this.stateOf(model, share);
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
    state.surplus = Math.min(most, Math.max(-most, state.surplus + (strong ? 1 : 0) - share));
  }

  private stateOf(model: string, share: number): State {
    let state = this.states.get(model);
    if (!state || state.share !== share) {
      const prior = Array.from({ length: PRIOR }, (_, i) => (i + 0.5) / PRIOR);
      state = { share, ring: prior, sorted: [...prior], next: 0, surplus: 0, decisions: 0 };
      this.states.set(model, state);
    }
    return state;
  }
}

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

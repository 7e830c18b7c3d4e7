import { setImmediate } from 'node:timers/promises';

/** Long against what a turn costs by itself, short against what anybody waits for. */
const LONGEST_MS = 10;

/**
 * Work on one large request, cut so that other requests have their turn of the event loop in between: after each piece,
 * `if (turn.isOver) await turn.next()`.
 */
export class Turn {
  private beganAt = performance.now();

  get isOver(): boolean {
    return performance.now() - this.beganAt >= LONGEST_MS;
  }

  /** Resolves when all others have had theirs. */
  async next(): Promise<void> {
    await setImmediate();
    this.beganAt = performance.now();
  }
}

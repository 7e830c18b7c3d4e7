import { BackgroundWork } from '../../common/background-work.js';
import type { BegunAttempt } from './begun-attempt.js';

const background = new BackgroundWork('resilience');

/** One target on its way to an answer, possibly beside others. */
export interface Lane {
  /** `null` when the target could not answer. */
  readonly result: Promise<BegunAttempt | null>;
  /** Another lane was faster. */
  lose(): void;
}

type Settled = { readonly lane: Lane; readonly begun: BegunAttempt | null };

/**
 * Runs lanes beside each other: the next one starts when those before it have not begun to answer within their head
 * start. The first to begin wins and the others are cancelled.
 *
 * @param next the next lane and its own head start, milliseconds; `null` = no more
 * @returns `null` when every lane that was started has failed
 * @throws what a lane throws: a refusal of the request itself, or the caller's abort
 * @see https://research.google/pubs/the-tail-at-scale/ (hedged requests)
 */
export async function race(
  first: Lane,
  headStartMs: number,
  next: () => { lane: Lane; headStartMs: number } | null,
): Promise<BegunAttempt | null> {
  const running = new Set([first]);
  let patienceMs = headStartMs;
  try {
    while (running.size > 0) {
      const settled = await firstSettled(running, patienceMs);
      if (settled) {
        running.delete(settled.lane);
        if (settled.begun) return settled.begun;
      } else {
        const started = next();
        patienceMs = started?.headStartMs ?? Infinity;
        if (started) running.add(started.lane);
      }
    }
    return null;
  } finally {
    for (const lane of running) drop(lane);
  }
}

/** `null` when none has settled within `withinMs`. */
async function firstSettled(lanes: ReadonlySet<Lane>, withinMs: number): Promise<Settled | null> {
  const settled = [...lanes].map(async (lane): Promise<Settled> => ({ lane, begun: await lane.result }));
  if (withinMs === Infinity) return Promise.race(settled);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, withinMs, null)));
  return Promise.race([...settled, late]).finally(() => clearTimeout(timer));
}

/** Its end is of no interest any more; one that began all the same is closed. */
function drop(lane: Lane): void {
  lane.lose();
  background.launch('closing an attempt that lost', async () => {
    const begun = await lane.result.catch(() => null); // how it failed is written down in its attempt
    return begun?.abandon();
  });
}

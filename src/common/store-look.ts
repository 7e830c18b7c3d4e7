import { inTime } from './in-time.js';
import { RecentAnswer } from './recent-answer.js';
import { noAnswerWithin, type StoreCheck } from './store-check.js';

/** What one look may take; a call has 250 ms, and as long again where this process is what is slow. */
export const LOOK_DEADLINE_MS = 450;
/** Anything more could name an internal address. */
const FAILED: StoreCheck = { healthy: false, detail: 'the check failed' };

/**
 * Looks at one store for all who ask: once a second at most, however often they do, and once at a time. What it found
 * is at most 1 s old; that a store is being reached for the first time is not kept, as it is not true a moment later.
 */
export class StoreLook {
  private readonly recent: RecentAnswer<StoreCheck>;

  constructor(private readonly check: () => Promise<StoreCheck>) {
    this.recent = new RecentAnswer(
      () => this.look(),
      ({ starting }) => !starting,
    );
  }

  /** Never rejects, and takes 450 ms at most: a store that hangs is away, and is not asked again while it does. */
  get(): Promise<StoreCheck> {
    return inTime(this.recent.get(), LOOK_DEADLINE_MS, noAnswerWithin(LOOK_DEADLINE_MS));
  }

  private async look(): Promise<StoreCheck> {
    const [at, begunAt] = [Date.now(), performance.now()];
    const found = await this.check().catch(() => FAILED);
    return { ...found, at, tookMs: performance.now() - begunAt };
  }
}

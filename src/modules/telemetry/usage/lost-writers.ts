import { Logger } from '@nestjs/common';
import type { WriterMarks } from './usage-store.js';

interface Seen {
  readonly version: string;
  /** `performance.now()` milliseconds. */
  readonly since: number;
}

/**
 * Finds replicas that ended without their last batch (a `kill -9`, a machine that is gone): their mark is there and is not
 * renewed any more. Time is measured here, from one look to the next, so clocks need not agree. Of all replicas that look
 * one counts: the one that removes the mark.
 */
export class LostWriters {
  private readonly logger = new Logger('usage');
  private seen = new Map<string, Seen>();
  count = 0;

  /** @param lostAfter milliseconds without a renewal */
  constructor(
    private readonly marks: WriterMarks,
    private readonly replica: string,
    private readonly lostAfter: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws StoreUnavailable; what was seen before counts from anew then, as nobody could renew */
  async look(): Promise<void> {
    const before = this.seen;
    this.seen = new Map();
    const now = this.now();
    for (const { replica, version, writtenUntil } of await this.marks.all()) {
      if (replica === this.replica) continue;
      const found = before.get(replica);
      const since = found?.version === version ? found.since : now;
      this.seen.set(replica, { version, since });
      if (now - since >= this.lostAfter) await this.found(replica, version, writtenUntil);
    }
  }

  private async found(replica: string, version: string, writtenUntil: string): Promise<void> {
    this.seen.delete(replica);
    if (!(await this.marks.remove(replica, version))) return; // it lives, or another replica was faster
    this.count += 1;
    this.logger.warn({ replica, since: writtenUntil }, 'a replica ended and its last usage was not written');
  }
}

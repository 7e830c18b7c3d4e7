import { StoreUnavailable } from '../../../common/store-unavailable.js';
import type { WriterMarks } from './usage-store.js';

/**
 * The mark that says in the store that this replica has usage which is not written: set with the first request, renewed
 * while there is any, gone when there is none. While the store has never heard of it, it is on this machine, for the next
 * start here. Its calls are made one after the other, in order.
 */
export class OwnMark {
  /** Whether it should be there. */
  isWanted = false;
  /** Whether the store has it, and whether this machine has. */
  private readonly isSet = { there: false, here: false };
  private last: Promise<unknown> = Promise.resolve();

  /** @param here `null` where the store is on this machine itself */
  constructor(
    private readonly marks: WriterMarks,
    private readonly here: WriterMarks | null,
    private readonly replica: string,
  ) {}

  /** Sets or renews it. @param writtenUntil ISO 8601 UTC @throws StoreUnavailable; with the next call it is tried again */
  want(writtenUntil: string): Promise<void> {
    this.isWanted = true;
    return this.next(() => this.set(writtenUntil));
  }

  /** Removes it; does nothing where it is not wanted. One that cannot be removed is tried again with the next call. */
  async drop(): Promise<void> {
    if (!this.isWanted) return;
    this.isWanted = false;
    try {
      await this.next(() => this.remove());
    } catch (error) {
      this.isWanted = true;
      throw error;
    }
  }

  private async set(writtenUntil: string): Promise<void> {
    const { isSet } = this;
    try {
      await this.marks.set(this.replica, writtenUntil);
      isSet.there = true;
    } catch (error) {
      if (!this.here || isSet.there || !(error instanceof StoreUnavailable)) throw error;
      await this.here.set(this.replica, writtenUntil);
      isSet.here = true;
      throw error;
    }
    await this.removeHere();
  }

  private async remove(): Promise<void> {
    await this.marks.remove(this.replica);
    this.isSet.there = false;
    await this.removeHere();
  }

  private async removeHere(): Promise<void> {
    if (!this.isSet.here) return;
    await this.here?.remove(this.replica);
    this.isSet.here = false;
  }

  private next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work, work);
    this.last = done.catch(() => undefined);
    return done;
  }
}

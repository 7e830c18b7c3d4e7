import type { WriterMarks } from './usage-store.js';

/**
 * The mark that says in the store that this replica has usage which is not written: set with the first request, renewed
 * while there is any, gone when there is none. Its calls are made one after the other, in order.
 */
export class OwnMark {
  /** Whether it should be there. */
  isWanted = false;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly marks: WriterMarks,
    private readonly replica: string,
  ) {}

  /** Sets it. @param writtenUntil ISO 8601 UTC */
  want(writtenUntil: string): Promise<void> {
    this.isWanted = true;
    return this.next(() => this.marks.set(this.replica, writtenUntil));
  }

  /** As `want`. */
  renew(writtenUntil: string): Promise<void> {
    return this.want(writtenUntil);
  }

  /** Removes it; does nothing where it is not wanted. One that cannot be removed is tried again with the next call. */
  async drop(): Promise<void> {
    if (!this.isWanted) return;
    this.isWanted = false;
    try {
      await this.next(() => this.marks.remove(this.replica));
    } catch (error) {
      this.isWanted = true;
      throw error;
    }
  }

  private next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work, work);
    this.last = done.catch(() => undefined);
    return done;
  }
}

import { BoundedMap } from '../../../common/bounded-map.js';

const MOST_A_MINUTE = 10;
const MINUTE_MS = 60_000;
/** Users counted at a time; the one counted for longest goes first. */
const MOST_USERS = 10_000;

/**
 * How many of a user's requests that a limit refused have a record: whoever goes on asking would push the records of all
 * others out. Of this replica.
 */
export class RefusalAllowance {
  private readonly users = new BoundedMap<string, { readonly since: number; count: number }>(MOST_USERS);

  /**
   * Whether one more is kept.
   *
   * @param user a name that is no other user's
   * @param now milliseconds
   */
  takes(user: string, now: number): boolean {
    let kept = this.users.get(user);
    if (!kept || now - kept.since >= MINUTE_MS) {
      kept = { since: now, count: 0 };
      this.users.set(user, kept);
    }
    if (kept.count >= MOST_A_MINUTE) return false;
    kept.count += 1;
    return true;
  }
}

import { RateLimitExceeded } from '../../../common/app-error.js';
import { BoundedMap } from '../../../common/bounded-map.js';

/** Of what is kept, besides what was said. */
const ENTRY_BYTES = 200;
/** What one user may have kept in a day, bytes: about 400 of the longest comments or 5,000 scores. */
const MOST_BYTES = 1_000_000;
const DAY_MS = 86_400_000;
/** Users counted at a time; the one counted for longest goes first. */
const MOST_USERS = 10_000;

/** Bounds what each user has this replica write, so that nobody can keep the store busy with comments. */
export class FeedbackAllowance {
  private readonly users = new BoundedMap<string, { readonly since: number; bytes: number }>(MOST_USERS);

  /**
   * @param user a name that is no other user's
   * @param now milliseconds
   * @throws RateLimitExceeded when the day's part is used up
   */
  take(user: string, said: string, now: number): void {
    const bytes = Buffer.byteLength(said) + ENTRY_BYTES;
    let spent = this.users.get(user);
    if (!spent || now - spent.since >= DAY_MS) {
      spent = { since: now, bytes: 0 };
      this.users.set(user, spent);
    }
    if (spent.bytes + bytes > MOST_BYTES) {
      const seconds = (spent.since + DAY_MS - now) / 1000;
      throw new RateLimitExceeded('You have given as much feedback as is kept of one user in a day.', seconds);
    }
    spent.bytes += bytes;
  }
}

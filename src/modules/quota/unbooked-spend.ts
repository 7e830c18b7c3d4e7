import { randomUUID } from 'node:crypto';
import type { Caller } from '../../common/caller.js';
import { nextMonth } from './monthly-spend.js';
import { userKey } from './quota-ledger.js';

/** A cost that the shared ledger does not know of for sure. */
export interface Booking {
  /** Names it, so that a repeated call books it once. */
  readonly id: string;
  readonly caller: Caller;
  readonly usd: number;
  /** Milliseconds since 1970; names the month. */
  readonly at: number;
}

/**
 * Costs that wait for the shared ledger. One that may have arrived keeps its id; those that certainly have not are
 * summed up by user and month, so that a long outage takes no more room than there are users.
 */
export class UnbookedSpend {
  private readonly doubtful = new Map<string, Booking>();
  private readonly unsent = new Map<string, Booking>();

  get size(): number {
    return this.doubtful.size + this.unsent.size;
  }

  /** @param sent whether the ledger may have got it */
  add(booking: Booking, sent: boolean): void {
    if (sent) {
      this.doubtful.set(booking.id, booking);
      return;
    }
    const place = `${nextMonth(booking.at)}|${userKey(booking.caller)}`;
    const before = this.unsent.get(place);
    this.unsent.set(place, { ...booking, id: before?.id ?? randomUUID(), usd: booking.usd + (before?.usd ?? 0) });
  }

  /** Everything that waits, about to be sent: it is doubtful until `booked`. */
  toSend(): Booking[] {
    for (const booking of this.unsent.values()) this.doubtful.set(booking.id, booking);
    this.unsent.clear();
    return [...this.doubtful.values()];
  }

  booked(id: string): void {
    this.doubtful.delete(id);
  }
}

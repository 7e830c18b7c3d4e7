import { BoundedMap } from '../../common/bounded-map.js';
import { networkOf } from '../../common/network.js';

const FREE = 30;
const PER_SECOND = 2;
/** Those that are under way when the last free one fails; nobody waits longer for them than half a minute. */
const MOST_DEBT = 60;
const MOST_ADDRESSES = 10_000;

interface Account {
  at: number;
  left: number;
}

/**
 * How often signatures that turn out wrong are checked for one address: 30, then two a second. Each takes 0.1 ms of CPU,
 * and who forges tokens would get as many as he sends. Tokens that were checked before need none, and right ones take
 * nothing from the account.
 */
export class SignatureChecks {
  private readonly byAddress = new BoundedMap<string, Account>(MOST_ADDRESSES);

  /** @param now milliseconds of a monotonic clock @returns seconds to wait; 0 when a signature may be checked */
  waitOf(address: string, now: number): number {
    const account = this.byAddress.get(networkOf(address));
    if (!account) return 0;
    refill(account, now);
    return account.left >= 1 ? 0 : (1 - account.left) / PER_SECOND;
  }

  /** One more was wrong. */
  failed(address: string, now: number): void {
    const key = networkOf(address);
    const account = this.byAddress.get(key) ?? { at: now, left: FREE };
    refill(account, now);
    account.left = Math.max(-MOST_DEBT, account.left - 1);
    this.byAddress.set(key, account);
  }
}

function refill(account: Account, now: number): void {
  account.left = Math.min(FREE, account.left + ((now - account.at) / 1000) * PER_SECOND);
  account.at = now;
}

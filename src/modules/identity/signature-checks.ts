import { BoundedMap } from '../../common/bounded-map.js';
import { networkOf } from '../../common/network.js';

/** Checks that may fail: so many at once, and so many a second in the long run. */
interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

const OF_KNOWN: Rate = { burst: 30, perSecond: 2 };
const OF_NETWORK: Rate = { burst: 100, perSecond: 100 };
const OF_ALL: Rate = { burst: 400, perSecond: 400 };
/** Of what all have together the half is left to networks that have used up a tenth of their own at most. */
const KEPT_BACK = OF_ALL.burst / 2;
const LITTLE_USED = OF_NETWORK.burst * 0.9;

const KNOWN_MS = 86_400_000;
const MOST_KNOWN = 10_000;
const MOST_NETWORKS = 10_000;

interface Account {
  readonly rate: Rate;
  at: number;
  left: number;
}

interface KnownUser extends Account {
  until: number;
}

/** One signature that is being checked. */
export interface SignatureCheck {
  readonly network: string;
  /** Network and user, by what the token says. */
  readonly user: string;
  readonly takenFrom: readonly Account[];
}

/**
 * How often signatures that turn out wrong are checked. Each takes up to 0.2 ms of CPU, and anybody can send as many as he
 * likes; who is right cannot be told before. So a check is taken from an account and given back if the signature is right:
 * only forgers use an account up.
 *
 * Who came with a right token from the same network within a day has an account of his own, so that he gets in however
 * many others forge there. All others of a network share one, and all networks another.
 */
export class SignatureChecks {
  private readonly all: Account = { rate: OF_ALL, at: 0, left: OF_ALL.burst };
  private readonly networks = new BoundedMap<string, Account>(MOST_NETWORKS);
  private readonly known = new BoundedMap<string, KnownUser>(MOST_KNOWN);

  /**
   * @param subject whom the token says it is for
   * @param now milliseconds of a monotonic clock
   * @returns `null` when there have been too many wrong ones; there is room for another within a second
   */
  begin(address: string, { tenant, user }: { tenant: string; user: string }, now: number): SignatureCheck | null {
    const network = networkOf(address);
    const check = { network, user: `${network} ${tenant} ${user}` }; // none of the three has a blank in it
    const own = this.known.get(check.user);
    if (own && now < own.until && leftOf(own, now) >= 1) return { ...check, takenFrom: taken([own]) };
    const shared = this.networks.get(network) ?? { rate: OF_NETWORK, at: now, left: OF_NETWORK.burst };
    const kept = leftOf(shared, now) >= LITTLE_USED ? 0 : KEPT_BACK;
    if (shared.left < 1 || leftOf(this.all, now) < kept + 1) return null;
    this.networks.set(network, shared);
    return { ...check, takenFrom: taken([shared, this.all]) };
  }

  /** The signature was right: nothing is used up, and the user is known from now on. */
  wasRight({ network, user, takenFrom }: SignatureCheck, now: number): void {
    for (const account of takenFrom) account.left += 1;
    const shared = this.networks.get(network);
    if (shared && leftOf(shared, now) >= OF_NETWORK.burst) this.networks.delete(network);
    const own = this.known.get(user) ?? { rate: OF_KNOWN, at: now, left: OF_KNOWN.burst, until: 0 };
    own.until = now + KNOWN_MS;
    this.known.set(user, own);
  }
}

function leftOf(account: Account, now: number): number {
  const { rate, left, at } = account;
  account.left = Math.min(rate.burst, left + ((now - at) / 1000) * rate.perSecond);
  account.at = now;
  return account.left;
}

function taken(accounts: readonly Account[]): readonly Account[] {
  for (const account of accounts) account.left -= 1;
  return accounts;
}

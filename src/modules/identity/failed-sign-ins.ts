import { isIPv4, isIPv6 } from 'node:net';
import { BoundedMap } from '../../common/bounded-map.js';

const WINDOW_MS = 60_000;
const MOST_PER_WINDOW = 30;
/** Addresses remembered; with more, the one that failed first is forgotten. */
const MOST_ADDRESSES = 10_000;
const GROUPS_OF_NETWORK = 4;

interface Failures {
  readonly since: number;
  count: number;
}

/**
 * Failed sign-ins by address, so that guessing keys is slow. A window of a minute begins with an address's first
 * failure; once it has 30, its further failures are answered with 429 until the window ends. A valid key is let in all
 * the same: many callers share an address behind a NAT or a proxy, and none of them can lock the others out.
 */
export class FailedSignIns {
  private readonly byAddress: BoundedMap<string, Failures>;

  constructor(mostAddresses = MOST_ADDRESSES) {
    this.byAddress = new BoundedMap(mostAddresses);
  }

  /**
   * Counts one more failure.
   *
   * @param now milliseconds of a monotonic clock
   * @returns seconds to wait when there were too many; 0 while there were not
   */
  add(address: string, now: number): number {
    const key = networkOf(address);
    let failures = this.byAddress.get(key);
    if (!failures || now - failures.since >= WINDOW_MS) {
      failures = { since: now, count: 0 };
      this.byAddress.set(key, failures);
    }
    failures.count += 1;
    return failures.count > MOST_PER_WINDOW ? (failures.since + WINDOW_MS - now) / 1000 : 0;
  }
}

/**
 * What stands for a caller's machine: an IPv4 address, or the /64 of an IPv6 address, since every customer gets at least
 * that many (RFC 6177). Proxies that write a port behind an IPv4 address (Azure's) are understood.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address.replace(/^([\d.]+):\d+$/, '$1').slice(0, 64);
  const plain = address.replace(/%.*$/, '').toLowerCase();
  const mapped = plain.slice(plain.lastIndexOf(':') + 1);
  if (isIPv4(mapped)) return mapped;
  const [head = '', tail = ''] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = plain.includes('::') ? Array.from({ length: 8 - before.length - after.length }, () => '0') : [];
  const groups = [...before, ...zeros, ...after].map((group) => group.replace(/^0+(?=.)/, ''));
  return `${groups.slice(0, GROUPS_OF_NETWORK).join(':')}::/64`;
}

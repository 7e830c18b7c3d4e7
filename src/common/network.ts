import { isIPv4, isIPv6 } from 'node:net';

const GROUPS_OF_NETWORK = 4;
/** Node forgets the address of a connection that is gone: nobody learns what came of its request. */
const GONE = 'gone';

/**
 * What stands for a caller's machine: an IPv4 address, or the /64 of an IPv6 address, since every customer gets at least
 * that many (RFC 6177). Proxies that write a port behind an IPv4 address (Azure's) are understood.
 */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return GONE;
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

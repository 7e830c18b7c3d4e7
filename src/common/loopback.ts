import { BlockList, isIP } from 'node:net';

const addresses = new BlockList(); // an IPv4 rule also covers IPv4-mapped IPv6 addresses
addresses.addSubnet('127.0.0.0', 8, 'ipv4'); // RFC 1122 section 3.2.1.3
addresses.addAddress('::1', 'ipv6');

const LOOPBACK_NAME = /^(?:.+\.)?localhost$/; // RFC 6761 section 6.3
const HOST_CHARACTERS = /^[a-z0-9._-]+$/;

/**
 * Whether a host names this machine itself: 127.0.0.0/8 in every way that `inet_aton` reads it (`127.1`), ::1 in every
 * way to write it and with a zone, those as IPv4-mapped addresses, `localhost` and names below it; in any case, with
 * brackets, with a final dot. The one rule for it: what is listened on, who a caller says he speaks to, what is found.
 */
export function isLoopbackHost(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  const address = bare.replace(/%[^%]*$/, ''); // RFC 4007 section 11: a zone
  const family = isIP(address);
  if (family !== 0) return addresses.check(address, family === 4 ? 'ipv4' : 'ipv6');
  const name = bare.replace(/\.$/, '');
  if (!HOST_CHARACTERS.test(name)) return false;
  if (LOOPBACK_NAME.test(name)) return true;
  const read = URL.parse(`http://${name}`)?.hostname ?? '';
  return isIP(read) === 4 && addresses.check(read, 'ipv4');
}

/** Whether a URL leads to this machine itself. */
export const isLoopbackUrl = ({ hostname }: URL): boolean => isLoopbackHost(hostname);

/** Whether a URL leads to this service itself, which listens on that port. */
export const isOwnUrl = (url: URL, ownPort: number): boolean => isLoopbackUrl(url) && url.port === String(ownPort);

/** Where this machine is reached from itself; some servers listen on `localhost`, which may mean IPv6 alone. */
export const LOOPBACK_HOSTS = ['127.0.0.1', '[::1]'] as const;

export const loopbackOrigins = (port: number): readonly string[] =>
  LOOPBACK_HOSTS.map((host) => `http://${host}:${port}`);

import type { IncomingHttpHeaders } from 'node:http';
import { isLoopbackHost } from '../../common/loopback.js';

const HOST = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/;
/** The page is of this very service, or no page asks: the address was typed, or it is no browser. */
const OWN_SITE = new Set<unknown>([undefined, 'same-origin', 'none']);

/** Whether a `Host` header names this machine. A client without one (HTTP/1.0) is no browser. */
export function namesLoopback(host: string | undefined): boolean {
  return host === undefined || isLoopbackHost(HOST.exec(host)?.[1] ?? '');
}

/**
 * Whether a page of another site makes this request, going by what only the browser itself writes: `Origin` (RFC 6454
 * section 7) and `Sec-Fetch-Site` (W3C Fetch Metadata). Any page can make a browser send requests to this machine, so
 * on a service without keys they are all that tells a page from a caller.
 *
 * @param allowed origins whose pages are callers, exactly as browsers write them
 */
export function isForeignPage(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const { host, origin } = headers;
  if (origin !== undefined) {
    if (allowed.includes(origin)) return false;
    if (host === undefined || !isOriginOf(origin, host)) return true;
  }
  return !OWN_SITE.has(headers['sec-fetch-site']);
}

/** `http://localhost:8080` is the origin of the pages of host `localhost:8080`, as is that of a TLS proxy in front. */
function isOriginOf(origin: string, host: string): boolean {
  const name = host.toLowerCase();
  return origin === `http://${name}` || origin === `https://${name}`;
}

/** What the caller's `Cache-Control` asks for; `no-store` is the stronger one. */
export type CacheWish = 'use' | 'refresh' | 'no-store';

/**
 * Reads the request directives of RFC 9111 section 5.2.1 that matter here: `no-store`, and `no-cache` or `max-age=0`
 * (refresh). Names are case-insensitive; arguments may be quoted; other directives are ignored, as the RFC wants.
 */
export function cacheWish(header: string | undefined): CacheWish {
  if (!header) return 'use';
  let wish: CacheWish = 'use';
  for (const [, name = '', argument = ''] of header.matchAll(/([^\s,;="]+)\s*(?:=\s*("[^"]*"|[^\s,]*))?/g)) {
    const directive = name.toLowerCase();
    if (directive === 'no-store') return 'no-store';
    const isZeroAge = directive === 'max-age' && /^"?0+"?$/.test(argument);
    if (directive === 'no-cache' || isZeroAge) wish = 'refresh';
  }
  return wish;
}

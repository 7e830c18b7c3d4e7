import { cacheWish } from './cache-control.js';

describe('Cache-Control of a request', () => {
  it.each([
    [undefined, 'use'],
    ['', 'use'],
    ['no-cache', 'refresh'],
    ['No-Cache', 'refresh'],
    ['max-age=0', 'refresh'],
    ['max-age="0"', 'refresh'],
    ['max-age = 0', 'refresh'],
    ['max-age=10', 'use'],
    ['no-store', 'no-store'],
    ['no-cache, no-store', 'no-store'],
    ['max-age=60,NO-STORE', 'no-store'],
    ['no-cache;', 'refresh'],
    ['private="no-store, no-cache"', 'use'],
    ['no-storage', 'use'],
    ['x-no-cache', 'use'],
    ['max-stale=0, only-if-cached', 'use'],
    [',,, =', 'use'],
  ])('%j means %s', (header, wish) => expect(cacheWish(header)).toBe(wish));
});

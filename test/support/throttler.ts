import '@nestjs/core';
import '@nestjs/common';

type Throttler = Pick<
  // eslint-disable-next-line @typescript-eslint/consistent-type-imports -- a static import would load it too early
  typeof import('@nestjs/throttler'),
  'getOptionsToken' | 'getStorageToken' | 'SkipThrottle' | 'ThrottlerGuard'
>;

/** `@nestjs/throttler` as the tests load it: once Nest is there. See jest.config.mjs. */
export const { getOptionsToken, getStorageToken, SkipThrottle, ThrottlerGuard } =
  (await import('../../node_modules/@nestjs/throttler/dist/index.js')) as Throttler;

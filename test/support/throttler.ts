import '@nestjs/core';
import '@nestjs/common';

/** `@nestjs/throttler` as the tests load it: once Nest is there. See jest.config.mjs. */
const throttler =
  (await import('../../node_modules/@nestjs/throttler/dist/index.js')) as typeof import('@nestjs/throttler');

export const { getOptionsToken, getStorageToken, SkipThrottle, ThrottlerGuard } = throttler;

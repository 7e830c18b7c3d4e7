const specs = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  // Its CommonJS requires Nest, which is ESM; jest runs that before it has evaluated Nest, and Node after it.
  moduleNameMapper: { '^@nestjs/throttler$': '<rootDir>/test/support/throttler.ts', '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/dist'],
};
/** They start several replicas and stores, or measure how long something may take under load: no other test beside them. */
const FAULTS =
  '(cache|cosmos|erasure|fuzz|hostile-callers|idempotency|identity|limits|load|observed-counts|redis|replicas|usage)';
const FIELD = '(rest|stores)';

/** Unit specs sit beside the source; everything else is under test/. Run through tools/test.mjs, which sets up ESM. */
export default {
  testTimeout: 20_000, // rows of FAULTS.md last seconds, on machines that are shared
  // What a file has loaded stays in the heap: one process for all reached 800 MB after two minutes, and its collections
  // held up the servers and proxies of the rows for half a second at a time.
  workerIdleMemoryLimit: '256MB',
  projects: [
    {
      ...specs,
      displayName: 'side by side',
      testMatch: [
        '<rootDir>/{src,bench,tools}/**/*.spec.ts',
        '<rootDir>/test/{e2e,support}/*.spec.ts',
        `<rootDir>/test/faults/!${FAULTS}.spec.ts`,
        `<rootDir>/test/field/!${FIELD}.spec.ts`,
      ],
    },
    {
      ...specs,
      displayName: 'alone',
      testMatch: [
        '<rootDir>/test/contract/*.spec.ts',
        `<rootDir>/test/faults/@${FAULTS}.spec.ts`,
        `<rootDir>/test/field/@${FIELD}.spec.ts`,
        '<rootDir>/test/image/*.spec.ts', // builds for minutes, with all there is of the machine
      ],
    },
  ],
};

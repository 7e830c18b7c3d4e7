/** Unit specs sit beside the source; everything else is under test/. Run through tools/test.mjs, which sets up ESM. */
export default {
  testEnvironment: 'node',
  testTimeout: 20_000, // rows of FAULTS.md last seconds, on machines that are shared
  // What a file has loaded stays in the heap: one process for all reached 800 MB after two minutes, and its collections
  // held up the servers and proxies of the rows for half a second at a time.
  workerIdleMemoryLimit: '256MB',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testMatch: [
    '<rootDir>/src/**/*.spec.ts',
    '<rootDir>/test/**/*.spec.ts',
    '<rootDir>/bench/**/*.spec.ts',
    '<rootDir>/tools/**/*.spec.ts',
  ],
  modulePathIgnorePatterns: ['<rootDir>/dist'],
};

const specs = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/dist'],
};
/** They start several replicas and stores, or measure how long something may take under load: no other test beside them. */
const ALONE = [
  '/test/contract/.*\\.spec\\.ts$',
  '/test/faults/(cosmos|erasure|idempotency|limits|load|redis|replicas)\\.spec\\.ts$',
  '/test/field/(rest|stores)\\.spec\\.ts$',
];

/** Unit specs sit beside the source; everything else is under test/. Run through tools/test.mjs, which sets up ESM. */
export default {
  testTimeout: 20_000, // rows of FAULTS.md last seconds, on machines that are shared
  projects: [
    {
      ...specs,
      displayName: 'side by side',
      testMatch: ['<rootDir>/{src,test,bench,tools}/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', ...ALONE],
    },
    { ...specs, displayName: 'alone', testMatch: [], testRegex: ALONE },
  ],
};

import { join } from 'node:path';
import { findingsOf, fuzzOwnService } from '../../tools/fuzz/run.js';

const SECONDS = 15;
const STARTED_AND_ENDED_MS = 60_000;
const MOST_SEED = 2_000_000_000;
const FEWEST_REQUESTS = 500;

/** `npm run fuzz` for half a minute: one part that is the same every time, one that is not. */
describe.each([
  { store: 'SQLite', withRedis: false, seed: 12 },
  { store: 'Redis', withRedis: true, seed: Math.floor(Math.random() * MOST_SEED) },
])('requests made from the OpenAPI document and spoiled, on $store (seed $seed)', ({ withRedis, seed }) => {
  it(
    'are all answered as it says',
    async () => {
      const plan = { seed, seconds: SECONDS, keepIn: join('node_modules', '.cache', 'fuzz') };
      const report = await fuzzOwnService(plan, withRedis);
      expect(findingsOf(report)).toEqual([]);
      expect(report.result.requests).toBeGreaterThan(FEWEST_REQUESTS);
    },
    SECONDS * 1000 + STARTED_AND_ENDED_MS,
  );
});

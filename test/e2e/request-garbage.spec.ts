import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { figure } from '../support/figure.js';
import { ask, chat } from '../support/router-calls.js';
import { RouterProcess } from '../support/router-process.js';
import { GENEROUS, keyFor, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

const CALLERS = 16;
const REQUESTS = 4_000;
/** Of what is allocated. Measured 0.3 to 1.3 %; with one function that is the value of a property 3 to 10 %. */
const MOST_PROMOTED = 0.025;
const TRACE = `import { setFlagsFromString } from 'node:v8'; setFlagsFromString('--trace-gc-nvp');`;
const PROMPT = 'Explain why distributed systems fail, and how to find out. '.repeat(20);

/** What the collections of young objects moved to the old ones, and what was allocated before them, bytes. */
function collected(output: string): { promoted: number; allocated: number; count: number } {
  const young = output.split('\n').filter((line) => / gc=s /.test(line));
  const settled = young.slice(Math.ceil(young.length / 2));
  const sum = (name: string): number =>
    settled.reduce((total, line) => total + Number(new RegExp(`\\b${name}=(\\d+)\\b`).exec(line)?.[1] ?? 0), 0);
  return { promoted: sum('promoted'), allocated: sum('allocated'), count: settled.length };
}

describe('garbage of requests', () => {
  let upstream: UpstreamServer;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
  });
  afterAll(() => upstream.close());

  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('dies with its request, stream %s, cache %s (docs/adr/0020)', async (stream, cached) => {
    const router = await RouterProcess.start({
      config: {
        targets: [targetOn(upstream, { id: 'small' }), targetOn(upstream, { id: 'big', tier: 'cloud' })],
        models: [{ name: 'auto', strategy: 'hybrid', targets: ['small', 'big'] }],
        auth: { keys: [keyFor('alice')] },
        limits: GENEROUS,
        cache: { enabled: cached },
      },
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(TRACE)}` },
    });
    try {
      let left = REQUESTS;
      const caller = async (): Promise<void> => {
        while (left-- > 0) {
          const messages = ask(cached ? `${left} ${PROMPT}` : PROMPT); // one that is asked again is not made
          const response = await chat(router, { messages, stream }, { authorization: 'Bearer alice' });
          await response.text();
          expect(response.status).toBe(200);
        }
      };
      await Promise.all(Array.from({ length: CALLERS }, caller));
      const { promoted, allocated, count } = collected(readFileSync(join(router.directory, 'output.log'), 'utf8'));
      expect(count).toBeGreaterThan(4);
      figure(
        'garbage',
        `stream ${stream}, cache ${cached}: ${((100 * promoted) / allocated).toFixed(1)} % outlives its request`,
      );
      expect(promoted / allocated).toBeLessThan(MOST_PROMOTED);
    } finally {
      await router.stop();
    }
  });
});

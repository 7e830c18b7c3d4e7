import { readFileSync } from 'node:fs';
import { Session, type Profiler } from 'node:inspector/promises';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat } from '../support/router-calls.js';
import { targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

/** The files of the two lists in ARCHITECTURE.md, "The walk of a request". */
function walks(): { plain: string[]; streamed: string[] } {
  const text = readFileSync('docs/ARCHITECTURE.md', 'utf8');
  const [plain = '', streamed = ''] = text
    .split('## The walk of a request')[1]!
    .split('## ')[0]!
    .split('A streamed request');
  const filesOf = (part: string) => [...part.matchAll(/^ ?\d+\. `([^`]+)`/gm)].map((match) => match[1]!);
  const own = filesOf(plain);
  return { plain: own, streamed: [...own.slice(0, 10), ...filesOf(streamed)] };
}

/** Files of `src/` of which a function runs while `work` does. */
async function filesThatRun(work: () => Promise<unknown>): Promise<Set<string>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await session.post('Profiler.takePreciseCoverage'); // counts begin anew
  await work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  const ran = ({ functions }: Profiler.ScriptCoverage): boolean =>
    functions.some(({ functionName, ranges }) => functionName !== '' && ranges.some(({ count }) => count > 0));
  return new Set(result.filter(ran).map(({ url }) => url.replace(/^.*\/src\//, 'src/')));
}

describe('the walk of ARCHITECTURE.md', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter({
      targets: [targetOn(upstream)],
      models: [{ name: 'auto', strategy: 'priority', targets: [upstream.model] }],
    });
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  it.each([
    ['plain', false, 13],
    ['streamed', true, 15],
  ] as const)('%s requests run through every file of it', async (form, stream, atMost) => {
    const walk = walks()[form];
    const messages = [{ role: 'user', content: `A ${form} question` }];
    const ran = await filesThatRun(async () => (await chat(router, { stream, messages })).text());
    expect(walk.filter((file) => !ran.has(file))).toEqual([]);
    expect(walk.length).toBeGreaterThan(9);
    expect(walk.length).toBeLessThanOrEqual(atMost);
  });
});

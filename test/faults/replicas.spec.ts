import { setTimeout } from 'node:timers/promises';
import { figure } from '../support/figure.js';
import { Fleet } from '../support/fleet.js';
import { eventually } from '../support/router-calls.js';
import type { RouterProcess } from '../support/router-process.js';
import { anyOf, failuresOf, fateOf, say, SessionLoad } from '../support/session-load.js';
import { readinessOf } from '../support/store-stack.js';
import { answer } from '../support/upstream-behaviours.js';
import { words } from '../support/openai-answer.js';
import { paced } from '../support/upstream-twists.js';

const SLOW = 180_000;
const CALLERS = 6;
const POLL_MS = 50;

describe('three replicas', () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start();
  }, SLOW);
  beforeEach(() => fleet.upstream.reset());
  afterEach(() => fleet.stack.heal());
  afterAll(() => fleet.close(), SLOW);

  it(
    'R10 two writers on one session: both turns are kept, in order of completion',
    async () => {
      const { urls } = fleet;
      const writer = async (offset: number) => {
        const answers = [];
        for (let n = 0; n < 30; n += 1) answers.push(await say(urls[(n + offset) % 3]!, 'r10'));
        return answers;
      };
      const answers = (await Promise.all([writer(0), writer(1)])).flat();
      expect(answers.filter(({ status, persisted }) => status !== 200 || !persisted)).toEqual([]);
      expect(await fateOf(fleet.stack, answers)).toMatchObject({ lost: [], doubled: 0 });
      const stored = (await fleet.stack.documents()).filter(({ session }) => session === 'r10');
      expect(stored).toHaveLength(60);
      const place = new Map(stored.map(({ request_id: id }, i) => [id, i]));
      const byCompletion = answers.toSorted((a, b) => a.endedAt - b.endedAt);
      // A turn that was answered before another one was even asked comes first.
      for (const [i, later] of byCompletion.entries()) {
        for (const earlier of byCompletion.slice(0, i)) {
          if (earlier.endedAt > later.endedAt - later.ms) continue;
          expect(place.get(earlier.requestId)).toBeLessThan(place.get(later.requestId)!);
        }
      }
      const seen = await Promise.all(
        urls.map(async (url) => (await (await fetch(`${url}/v1/sessions/r10`)).json()) as { turns: unknown[] }),
      );
      expect(seen.map(({ turns }) => turns.length)).toEqual([60, 60, 60]);
      figure('R10', 'lost = 0, doubled = 0 of 60 turns by two writers over 3 replicas; order kept');
    },
    SLOW,
  );

  it.each(['well', 'away'])(
    'R08 kill -9 of one under load, Cosmos %s: only its own requests in flight fail, no acknowledged turn is lost',
    async (cosmos) => {
      fleet.upstream.always(answer(words(8), {}, paced(5)));
      const alive = [...fleet.replicas];
      const load = new SessionLoad(`r08-${cosmos}`, CALLERS, () => anyOf(alive.map(({ url }) => url))());
      await load.more(60);
      if (cosmos === 'away') fleet.stack.cosmosProxy.set({ status: 503 });
      await load.more(60);
      const victim = alive[1]!;
      const killed = victim.kill();
      alive.splice(1, 1);
      await killed;
      await load.more(60);
      fleet.stack.cosmosProxy.heal();
      await load.more(30);
      const answers = await load.stop();
      const failures = failuresOf(answers);
      expect(failures.every(({ url }) => url === victim.url)).toBe(true);
      expect(failures.length).toBeLessThanOrEqual(CALLERS);
      const fate = await fateOf(fleet.stack, answers);
      expect(fate).toMatchObject({ lost: [], doubled: 0 });
      figure(
        'R08',
        `Cosmos ${cosmos}: lost acknowledged turns = 0 of ${answers.length}; ${failures.length} requests in flight failed; all stored after ${fate.seconds.toFixed(1)} s`,
      );
      fleet.replicas.splice(fleet.replicas.indexOf(victim), 1, await fleet.create());
    },
    SLOW,
  );

  it(
    'R09 SIGTERM under load, 20 times: no request fails, every exit is clean and within 60 s',
    async () => {
      fleet.upstream.always(answer(words(8), {}, paced(5)));
      // What a load balancer does: it asks /ready and sends where that says 200.
      let ready = fleet.urls;
      const pool = new Set(fleet.replicas);
      let balancing = true;
      const balancer = (async () => {
        while (balancing) {
          const asked = await Promise.all(
            [...pool].map(async (replica) => ({
              replica,
              status: (await readinessOf(replica).catch(() => null))?.status,
            })),
          );
          ready = asked
            .filter(({ status }) => status === 'ready' || status === 'degraded')
            .map(({ replica }) => replica.url);
          await setTimeout(POLL_MS);
        }
      })();
      let turn = 0;
      const load = new SessionLoad('r09', 3, () => ready[(turn += 1) % ready.length]!);
      const exits: { code: number | null; seconds: number }[] = [];
      const startSome = async (count: number) => {
        const started: RouterProcess[] = [];
        while (started.length < count) started.push(await fleet.create()); // all at once would starve two cores
        return started;
      };
      const stops: Promise<void>[] = []; // they take their time while the next ones start
      for (const next of [6, 6, 5, 1]) {
        const leaving = fleet.replicas.splice(0);
        fleet.replicas.push(...(await startSome(next)));
        fleet.replicas.forEach((replica) => pool.add(replica));
        await eventually('the new ones get traffic', 5_000, () =>
          setTimeout(
            10,
            fleet.urls.every((url) => ready.includes(url)),
          ),
        );
        const stop = async (replica: RouterProcess) => {
          const begun = performance.now();
          const { code } = await replica.stop();
          pool.delete(replica);
          exits.push({ code, seconds: (performance.now() - begun) / 1_000 });
        };
        stops.push(...leaving.map(stop));
      }
      await Promise.all(stops);
      const answers = await load.stop();
      balancing = false;
      await balancer;
      expect(exits.map(({ code }) => code)).toEqual(Array.from({ length: 20 }, () => 0));
      expect(failuresOf(answers).map(({ code, ms }) => `${code} ${ms}`)).toEqual([]);
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      const fate = await fateOf(fleet.stack, answers);
      expect(fate).toMatchObject({ lost: [], doubled: 0 });
      const slowest = Math.max(...exits.map(({ seconds }) => seconds));
      expect(slowest).toBeLessThan(60);
      figure(
        'R09',
        `${exits.length} shutdowns: failed requests = 0 of ${answers.length}, slowest exit ${slowest.toFixed(1)} s, lost = 0`,
      );
    },
    SLOW,
  );
});

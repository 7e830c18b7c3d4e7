import { figure } from '../support/figure.js';
import { ask, eventually, jsonOf } from '../support/router-calls.js';
import type { RouterProcess } from '../support/router-process.js';
import { GENEROUS, keyFor, targetOn } from '../support/router-targets.js';
import { StoreStack } from '../support/store-stack.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { words } from '../support/openai-answer.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter, paced, stallAfter } from '../support/upstream-twists.js';

const SLOW = 180_000;
const REPLICAS = 3;
const CALLERS = 8;
const NANO = 1e9;
const POLL_MS = 100;
/** A round of writing and what goes with it. */
const WRITTEN_MS = 25_000;
const LOST_MS = 100_000;
/** Calls of the checks are cheap here, and none of it adds up exactly in doubles. */
const PRICES = { first: { input: 0.1, output: 0.7 }, second: { input: 3.3, output: 13.1 } };
const MIXED = ['mia', 'max', 'mo/e'];
const UNCERTAIN =
  'A river flows at 3 km per hour. How far does a boat drift in 5 hours, and how long does it take to row back at 7 km per hour?';

type Kind = 'plain' | 'stream' | 'cut' | 'leave' | 'fallback' | 'fail' | 'hit' | 'cascade' | 'unpriced';
const KINDS: readonly Kind[] = ['plain', 'stream', 'cut', 'leave', 'fallback', 'fail', 'hit', 'cascade', 'unpriced'];

interface UsageJson {
  readonly data: readonly Readonly<Record<string, string | number>>[];
  readonly total: {
    readonly requests: number;
    readonly cost_usd: number;
    readonly unpriced_requests: number;
    readonly saved_usd: number;
  };
}

/** Does what the last message asks for. */
const asked =
  (behaviours: Readonly<Partial<Record<Kind, Behaviour>>>): Behaviour =>
  (request, model) => {
    const kind = KINDS.find((one) => JSON.stringify(request.body?.messages.at(-1)?.content).startsWith(`"${one} `));
    return ((kind && behaviours[kind]) ?? answer(words(9)))(request, model);
  };

describe('usage of three replicas', () => {
  let stack: StoreStack;
  let first: UpstreamServer;
  let second: UpstreamServer;
  let replicas: RouterProcess[] = [];
  /** Of all replicas that ever ran. */
  const everyone: RouterProcess[] = [];
  let sent = 0;

  beforeAll(async () => {
    [stack, first, second] = await Promise.all([StoreStack.start(), UpstreamServer.start(), UpstreamServer.start()]);
    first.always(
      asked({
        cut: answer(words(20), {}, cutAfter(7)),
        leave: answer(words(20), {}, stallAfter(11, 'never')),
        fallback: status(500),
        fail: status(500),
        stream: answer(words(12), {}, paced(2)),
        cascade: answer("I'm sorry, I can't answer that."),
      }),
    );
    second.always(asked({ cut: answer(words(20), {}, cutAfter(7)), fail: status(500) }));
    replicas = await Promise.all(Array.from({ length: REPLICAS }, create));
  }, SLOW);
  afterEach(() => stack.heal());
  afterAll(async () => {
    await Promise.all(everyone.map((replica) => replica.kill()));
    await stack.close();
    await Promise.all([first.close(), second.close()]);
  }, SLOW);

  const create = async (): Promise<RouterProcess> => {
    const model = (name: string, targets: string[], strategy: 'priority' | 'cascade', cache: boolean) => {
      return { name, strategy, targets, cache, strongShare: 0.5 };
    };
    const replica = await stack.replica(first, {
      targets: [
        targetOn(first, { id: 'first', price: PRICES.first }),
        targetOn(second, { id: 'second', tier: 'cloud', price: PRICES.second }),
        targetOn(second, { id: 'free-form' }),
      ],
      models: [
        model('auto', ['first', 'second'], 'priority', false),
        model('kept', ['first'], 'priority', true),
        model('careful', ['first', 'second'], 'cascade', false),
      ],
      cache: { enabled: true },
      resilience: { retries: 0, streamRecovery: 'error', breaker: { failures: 1_000_000 } },
      auth: {
        keys: [
          ...['alice', 'bob'].map((user) => keyFor(user)),
          ...MIXED.map((user) => keyFor(user, { tenant: 'mixed' })),
          keyFor('house', { tenant: 'house', scopes: ['chat', 'admin', 'operator'] }),
        ],
      },
      limits: GENEROUS,
    });
    everyone.push(replica);
    return replica;
  };

  /** One request of this kind; resolves to the cost that its caller was told, USD. */
  const send = async (replica: RouterProcess, kind: Kind, user: string): Promise<number> => {
    sent += 1;
    const text = kind === 'hit' ? 'hit the same' : `${kind} ${kind === 'cascade' ? UNCERTAIN : sent}`;
    const model = { hit: 'kept', cascade: 'careful', unpriced: 'free-form' }[kind as string] ?? 'auto';
    const stream = kind === 'stream' || kind === 'cut' || kind === 'leave';
    const gone = new AbortController();
    const response = await fetch(`${replica.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${user}` },
      body: JSON.stringify({ model, messages: ask(text), stream }),
      signal: gone.signal,
    });
    if (kind === 'leave') {
      for await (const piece of response.body!) if (Buffer.from(piece).includes('w11')) break;
      gone.abort();
    } else {
      await response.text().catch(() => '');
    }
    return Number(response.headers.get('x-router-cost-usd') ?? 0);
  };

  const usage = async (by: string, tenant: string, at = replicas[0]!): Promise<UsageJson> => {
    const headers = { authorization: 'Bearer house' };
    const response = await fetch(`${at.url}/admin/usage?by=${by}&tenant=${tenant}`, { headers });
    expect(response.status).toBe(200);
    return jsonOf<UsageJson>(response);
  };
  const metric = async ({ url }: RouterProcess, name: string): Promise<number> =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1]);
  const linesOf = (some: readonly RouterProcess[]) =>
    some.flatMap(({ log }) => log).filter(({ context }) => context === 'requests');
  /** Billionths of a USD that requests told in their log lines, by who asked which model. */
  const told = (lines: readonly Record<string, unknown>[]): Map<string, number> => {
    const sums = new Map<string, number>();
    for (const { tenant, user, model, target, cost_usd: usd } of lines) {
      const name = [tenant, user, model, target ?? 'none'].join(' ');
      sums.set(name, (sums.get(name) ?? 0) + Math.round(((usd as number | null) ?? 0) * NANO));
    }
    return sums;
  };
  const kept = ({ data }: UsageJson): Map<string, number> =>
    new Map(
      data.map(({ tenant, user, model, target, cost_usd: usd }) => {
        return [[tenant, user, model, target].join(' '), Math.round((usd as number) * NANO)];
      }),
    );
  const sorted = (sums: Map<string, number>) => [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  const allWritten = (): Promise<void> =>
    eventually(
      'all is written',
      WRITTEN_MS,
      async () => {
        const counts = replicas.map((replica) => metric(replica, 'router_usage_unwritten_requests'));
        return (await Promise.all(counts)).every((count) => count === 0);
      },
      POLL_MS,
    );

  it(
    'R08 kill -9 of one under load: what it had not written is missing, and nothing else',
    async () => {
      const alive = [...replicas];
      const victim = alive[2]!;
      let callersSum = 0;
      let running = true;
      let atVictim = 0;
      const caller = async (n: number): Promise<void> => {
        for (let turn = n; running; turn += 1) {
          const replica = alive[turn % alive.length]!;
          if (replica === victim) atVictim += 1;
          const usd = await send(replica, 'plain', ['alice', 'bob'][turn % 2]!);
          if (replica === victim) atVictim -= 1;
          callersSum += Math.round(usd * NANO);
        }
      };
      const callers = Array.from({ length: CALLERS }, (_, n) => caller(n));
      await eventually('300 requests', WRITTEN_MS, () => sent > 300);
      await eventually('something unwritten', WRITTEN_MS, async () => {
        return (await metric(victim, 'router_usage_unwritten_requests')) > 20;
      });
      alive.pop(); // the load balancer sends it nothing more, and all it has is answered
      await eventually('nobody waits for it', 5_000, () => atVictim === 0);
      const unwritten = {
        requests: await metric(victim, 'router_usage_unwritten_requests'),
        nano: Math.round((await metric(victim, 'router_usage_unwritten_usd')) * NANO),
        age: await metric(victim, 'router_usage_unwritten_age_seconds'),
      };
      await victim.kill();
      replicas = alive;
      const before = sent;
      await eventually('more requests', WRITTEN_MS, () => sent > before + 100);
      running = false;
      await Promise.all(callers);
      await allWritten();
      const { total } = await usage('day', 'acme');
      const missing = { requests: sent - total.requests, nano: callersSum - Math.round(total.cost_usd * NANO) };
      expect(unwritten.age).toBeLessThan(60);
      expect([0, unwritten.requests]).toContain(missing.requests); // a round may have come before the kill
      expect(missing.nano).toBe(missing.requests === 0 ? 0 : unwritten.nano);
      figure(
        'R08',
        `usage after kill -9: ${missing.requests} of ${sent} requests missing, the metric had said ${unwritten.requests} (${unwritten.age.toFixed(1)} s)`,
      );
      replicas.push(await create());
    },
    SLOW,
  );

  it(
    'is what the requests told, to the billionth: streams cut and left, fallbacks, cascades, hits, failures',
    async () => {
      const before = sent;
      const caller = async (n: number): Promise<void> => {
        for (let turn = 0; turn < 4 * KINDS.length; turn += 1) {
          await send(replicas[(turn + n) % REPLICAS]!, KINDS[turn % KINDS.length]!, MIXED[n % MIXED.length]!);
        }
      };
      await Promise.all(Array.from({ length: CALLERS }, (_, n) => caller(n)));
      const made = sent - before;
      let lines: Record<string, unknown>[] = [];
      await eventually('a line for each', WRITTEN_MS, () => {
        lines = linesOf(replicas).filter(({ tenant }) => tenant === 'mixed');
        return lines.length === made;
      });
      await allWritten();
      const outcomes = new Set(lines.map(({ outcome }) => outcome));
      expect(outcomes).toEqual(new Set(['answered', 'cut', 'aborted', 'failed']));
      const caches = new Set(lines.map(({ cache }) => cache));
      expect([...caches]).toEqual(expect.arrayContaining(['MISS', 'HIT']));
      const whole = await usage('tenant,user,model,target', 'mixed', replicas[1]);
      expect(sorted(kept(whole))).toEqual(sorted(told(lines)));
      expect(whole.total.requests).toBe(made);
      expect(whole.total.cost_usd).toBeGreaterThan(0);
      expect(whole.total.saved_usd).toBeGreaterThan(0);
      expect(whole.total.unpriced_requests).toBe(made / KINDS.length);
      figure('F02', `usage of ${made} requests over 3 replicas = the sum of their own cost_usd, difference 0`);
    },
    SLOW,
  );

  it.each(['hang', { status: 403 }, { status: 404 }] as const)(
    'F05 Table Storage does %j: requests are answered, no report tells half, and all of it is there afterwards',
    async (fault) => {
      await allWritten();
      const start = (await usage('tenant', 'acme')).total;
      stack.tablesProxy.set(fault);
      let usd = 0;
      for (let n = 0; n < 30; n += 1) usd += await send(replicas[n % REPLICAS]!, 'plain', 'alice');
      expect(usd).toBeGreaterThan(0);
      const response = await fetch(`${replicas[0]!.url}/admin/usage`, { headers: { authorization: 'Bearer house' } });
      expect([response.status, response.headers.has('retry-after')]).toEqual([503, true]);
      expect(await jsonOf(response)).toMatchObject({ error: { code: 'overloaded' } });
      stack.tablesProxy.heal();
      await allWritten();
      const { requests, cost_usd: end } = (await usage('tenant', 'acme')).total;
      expect(requests - start.requests).toBe(30);
      expect(end - start.cost_usd).toBeCloseTo(usd, 9);
    },
    SLOW,
  );

  it(
    'R09 SIGTERM: what a replica had not written is there when it has ended',
    async () => {
      await allWritten();
      const { requests } = (await usage('tenant', 'acme')).total;
      const leaving = replicas.pop()!;
      for (let n = 0; n < 10; n += 1) await send(leaving, 'plain', 'bob');
      expect((await leaving.stop()).code).toBe(0);
      expect((await usage('tenant', 'acme')).total.requests).toBe(requests + 10);
    },
    SLOW,
  );

  it(
    'R08 the replica that was killed is counted as one whose last batch is lost, once',
    async () => {
      const counts = () => Promise.all(replicas.map((replica) => metric(replica, 'router_usage_lost_batches_total')));
      const sum = async () => (await counts()).reduce((all, one) => all + one, 0);
      await eventually('one lost batch', LOST_MS, async () => (await sum()) === 1, POLL_MS);
      const told = () =>
        replicas.flatMap(({ log }) => log).filter(({ msg }) => String(msg).includes('usage was not written'));
      await eventually('a line in the log', LOST_MS, () => told().length > 0);
      expect(told()).toMatchObject([{ level: 'warn', since: expect.stringMatching(/^\d{4}-/) }]);
    },
    SLOW,
  );
});

import { AppError } from '../../src/common/app-error.js';
import { AccountBook, type Accounts } from '../../src/common/accounts.js';
import type { CallerLimits } from '../../src/common/caller.js';
import type { ReachedBudget } from '../../src/modules/quota/quota.messages.js';
import type { QuotaLedger, QuotaUse, RateLimitHeaders } from '../../src/modules/quota/quota-ledger.js';

export const START = Date.UTC(2026, 10, 23);

export interface LedgerUnderTest {
  readonly ledger: QuotaLedger;
  readonly clock: { now: number };
  /** What was told of budgets. */
  readonly reached: ReachedBudget[];
}

const bare = new AccountBook({ tenants: {}, models: [] });

/** Two users of a tenant with limits of its own, asking for a model that has some too. */
export const staff = (
  own: { user?: CallerLimits; model?: CallerLimits; tenant?: CallerLimits },
  user = 'alice',
): Accounts => {
  const names = { tenants: { acme: { limits: own.tenant } }, models: [{ name: 'dear', limits: own.model }] };
  const book = new AccountBook(names as unknown as ConstructorParameters<typeof AccountBook>[0]);
  return book.of({ tenant: 'acme', user, scopes: ['chat'], limits: own.user ?? {} }, 'dear');
};

/** What the requests of a user draw on who has these limits and no others. */
export const accountWith = (limits: CallerLimits, user = 'alice', tenant = 'acme'): Accounts =>
  bare.of({ tenant, user, scopes: ['chat'], limits }, null);

export async function refusal(ask: Promise<unknown>): Promise<AppError> {
  const error = await ask.then(
    () => new Error('was let in'),
    (caught: unknown) => caught,
  );
  if (error instanceof AppError) return error;
  throw error;
}

/** What every quota ledger does. @param createLedger an empty one whose time stands still at START until it is moved */
export function describeQuotaLedger(name: string, createLedger: () => Promise<LedgerUnderTest>): void {
  describe(`quota ledger: ${name}`, () => {
    let ledger: QuotaLedger;
    let clock: { now: number };
    let reached: ReachedBudget[];
    let ids = 0;
    const reserve = (caller: Accounts, tokens = 1, usd = 0): Promise<RateLimitHeaders> =>
      ledger.reserve(caller, { tokens, usd }, `lease-${(ids += 1)}`);
    /** Reserves and returns the end of it. */
    const begin = async (caller: Accounts, tokens = 1, usd = 0) => {
      const id = `lease-${(ids += 1)}`;
      await ledger.reserve(caller, { tokens, usd }, id);
      return (used: Partial<QuotaUse> = {}) => ledger.settle(caller, id, { tokens: null, usd: null, ...used });
    };

    beforeEach(async () => {
      ({ ledger, clock, reached } = await createLedger());
    });

    describe('requests per minute', () => {
      const caller = accountWith({ requestsPerMinute: 2 });

      it('slides: a request fits again 60 s after the first, not at the full minute', async () => {
        await reserve(caller);
        clock.now += 45_000;
        await reserve(caller);
        const error = await refusal(reserve(caller));
        expect(error).toMatchObject({ code: 'rate_limit_exceeded', status: 429, retryable: true });
        expect(error.message).toContain('2 requests per minute');
        const { 'retry-after': wait, ...rest } = error.headers;
        expect(wait).toBe('15');
        expect(rest).toMatchObject({ 'x-ratelimit-limit-requests': '2', 'x-ratelimit-remaining-requests': '0' });
        expect(rest['x-ratelimit-reset-requests']).toBe('1m0s');
        clock.now += 14_999;
        await refusal(reserve(caller));
        clock.now += 1;
        await reserve(caller);
        await refusal(reserve(caller));
      });

      it('counts work that calls no model, and looks at nothing else', async () => {
        const busy = accountWith({ requestsPerMinute: 3, tokensPerMinute: 10, concurrent: 1, usdPerMonth: 1 });
        const end = await begin(busy, 10, 1);
        expect(await ledger.count(busy)).toEqual({
          'x-ratelimit-limit-requests': '3',
          'x-ratelimit-remaining-requests': '1',
          'x-ratelimit-reset-requests': '1m0s',
        });
        await end({ tokens: 0, usd: 2 });
        await ledger.count(busy);
        const error = await refusal(ledger.count(busy));
        expect(error).toMatchObject({ code: 'rate_limit_exceeded', headers: { 'retry-after': '60' } });
        clock.now += 60_000;
        await ledger.count(busy);
        const next = accountWith({ requestsPerMinute: 3, concurrent: 1 });
        await reserve(next); // the counted one holds no slot
      });

      it('keeps users, and users of one name in two tenants, apart', async () => {
        const names = [
          ['acme', 'alice'],
          ['acme', 'bob'],
          ['other', 'alice'],
          ['a|b', 'c'],
          ['a', 'b|c'],
          ['a:b', 'c'],
          ['a', 'b:c'],
          ['{a}', 'b'],
        ] as const;
        for (const [tenant, user] of names) {
          const one = accountWith({ requestsPerMinute: 1 }, user, tenant);
          await reserve(one);
          await refusal(reserve(one));
        }
      });

      it('takes a changed limit at once', async () => {
        await reserve(caller);
        await refusal(reserve(accountWith({ requestsPerMinute: 1 })));
        await reserve(accountWith({ requestsPerMinute: 3 }));
      });

      it('stays counted when the request failed', async () => {
        const end = await begin(accountWith({ requestsPerMinute: 1 }));
        await end({ tokens: 0 });
        await refusal(reserve(accountWith({ requestsPerMinute: 1 })));
      });

      it('lets in what fits and no more when many come at once', async () => {
        const many = accountWith({ requestsPerMinute: 50, tokensPerMinute: 10_000 });
        const answers = await Promise.allSettled(Array.from({ length: 200 }, () => reserve(many)));
        expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(50);
      });
    });

    describe('tokens per minute', () => {
      const caller = accountWith({ tokensPerMinute: 1000 });
      const remaining = async () => (await reserve(caller, 0))['x-ratelimit-remaining-tokens'];

      it.each<[string, number | null, string]>([
        ['less than reserved', 100, '900'],
        ['exactly', 600, '400'],
        ['nothing', 0, '1000'],
        ['an overrun', 850, '150'],
        ['unknown', null, '400'],
        ['nonsense of a lying server', -50, '1000'],
      ])('settles to what was used: %s', async (_, tokens, rest) => {
        const end = await begin(caller, 600);
        await end({ tokens });
        expect(await remaining()).toBe(rest);
      });

      it('refuses after an overrun of more than the limit', async () => {
        const end = await begin(caller, 600);
        await end({ tokens: 5000 });
        const { headers } = await refusal(reserve(caller, 0));
        expect(headers).toMatchObject({ 'x-ratelimit-remaining-tokens': '0' });
        expect(headers['retry-after']).toBe('60');
      });

      it('settles once', async () => {
        const end = await begin(caller, 600);
        await end({ tokens: 500 });
        await end({ tokens: 0 });
        expect(await remaining()).toBe('500');
      });

      it('counts an overrun from when it was found', async () => {
        const end = await begin(caller, 100);
        clock.now += 90_000;
        await end({ tokens: 900 });
        expect(await remaining()).toBe('200');
        clock.now += 60_000;
        expect(await remaining()).toBe('1000');
      });

      it('gives nothing back for what has left the window', async () => {
        const end = await begin(caller, 600);
        clock.now += 60_000;
        await reserve(caller, 300);
        await end({ tokens: 0 });
        expect(await remaining()).toBe('700');
      });

      it('lets a request that alone is over the limit in when the window is empty', async () => {
        await reserve(caller, 1);
        expect((await refusal(reserve(caller, 50_000))).headers['retry-after']).toBe('60');
        clock.now += 60_000;
        expect((await reserve(caller, 50_000))['x-ratelimit-remaining-tokens']).toBe('0');
      });
    });

    describe('all or nothing', () => {
      it('takes no request when the tokens do not fit, and no tokens when the slot does not', async () => {
        const caller = accountWith({ requestsPerMinute: 3, tokensPerMinute: 100, concurrent: 2 });
        const end = await begin(caller, 60);
        for (let i = 0; i < 10; i += 1) await refusal(reserve(caller, 60));
        expect(await reserve(caller, 10)).toMatchObject({
          'x-ratelimit-remaining-requests': '1',
          'x-ratelimit-remaining-tokens': '30',
        });
        expect((await refusal(reserve(caller, 10))).message).toContain('2 requests at a time');
        await end({ tokens: 60 });
        expect(await reserve(caller, 10)).toMatchObject({
          'x-ratelimit-remaining-requests': '0',
          'x-ratelimit-remaining-tokens': '20',
        });
      });

      it('tells the longest wait when several limits are reached', async () => {
        const caller = accountWith({ requestsPerMinute: 2, tokensPerMinute: 100 });
        await reserve(caller, 10);
        clock.now += 30_000;
        await reserve(caller, 90);
        expect((await refusal(reserve(caller, 20))).headers['retry-after']).toBe('60');
      });
    });

    describe('several accounts of one request', () => {
      it('counts what all users of a tenant take together', async () => {
        const limits = { user: { requestsPerMinute: 3 }, tenant: { requestsPerMinute: 4 } };
        const [alice, bob] = [staff(limits), staff(limits, 'bob')];
        expect(await reserve(alice)).toMatchObject({
          'x-ratelimit-limit-requests': '3',
          'x-ratelimit-remaining-requests': '2',
        });
        await reserve(alice);
        await reserve(bob);
        expect(await reserve(bob)).toMatchObject({
          'x-ratelimit-limit-requests': '4',
          'x-ratelimit-remaining-requests': '0',
        });
        const error = await refusal(reserve(alice));
        expect(error.message).toContain('4 requests per minute for your tenant as a whole');
        expect(error.headers).toMatchObject({ 'x-ratelimit-limit-requests': '4', 'retry-after': '60' });
        await reserve(accountWith({ requestsPerMinute: 1 }, 'alice', 'other'));
      });

      it('takes from all of them or from none', async () => {
        const limits = { user: { tokensPerMinute: 100 }, tenant: { concurrent: 1, requestsPerMinute: 9 } };
        const [alice, bob] = [staff(limits), staff(limits, 'bob')];
        const end = await begin(bob, 10);
        for (let n = 0; n < 5; n += 1) await refusal(reserve(alice, 50));
        await end({ tokens: 10 });
        expect(await reserve(alice, 50)).toMatchObject({
          'x-ratelimit-remaining-tokens': '50',
          'x-ratelimit-remaining-requests': '7',
        });
      });

      it('settles tokens, slot and money of each', async () => {
        const limits = {
          user: { tokensPerMinute: 1000, concurrent: 1 },
          model: { tokensPerMinute: 100, usdPerMonth: 1 },
          tenant: { usdPerMonth: 2, tokensPerMinute: 5000 },
        };
        const [alice, bob] = [staff(limits), staff(limits, 'bob')];
        await (
          await begin(alice, 90, 0.5)
        )({ tokens: 40, usd: 0.9 });
        expect(await reserve(staff({ ...limits, user: {}, tenant: {} }), 0)).toMatchObject({
          'x-ratelimit-remaining-tokens': '60',
        });
        await (
          await begin(alice, 10, 0.05)
        )({ tokens: 10, usd: 0.2 });
        const ofModel = await refusal(reserve(alice));
        expect(ofModel).toMatchObject({ code: 'budget_exceeded', retryable: false });
        expect(ofModel.message).toContain('1 USD for this month (UTC) for model "dear"');
        await (
          await begin(bob, 10, 0.05)
        )({ tokens: 10, usd: 0.95 });
        expect((await refusal(reserve(bob))).message).toContain(
          '2 USD for this month (UTC) for your tenant as a whole',
        );
        await reserve(accountWith({ tokensPerMinute: 1000, concurrent: 1 }));
      });

      it('lets in what fits and no more when users of a tenant come at once', async () => {
        const limits = { user: { requestsPerMinute: 40 }, tenant: { requestsPerMinute: 50 } };
        const users = ['alice', 'bob', 'carol'].map((user) => staff(limits, user));
        const answers = await Promise.allSettled(Array.from({ length: 150 }, (_, n) => reserve(users[n % 3]!)));
        expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(50);
      });

      it('counts a request that calls no model for the tenant, too', async () => {
        const limits = { user: { tokensPerMinute: 1 }, tenant: { requestsPerMinute: 1 } };
        await ledger.count(staff(limits));
        await refusal(ledger.count(staff(limits, 'bob')));
      });
    });

    describe('budgets that are nearly used up', () => {
      const thresholds = () => reached.map(({ owner, threshold }) => [owner.user, owner.model, threshold]);

      it('are told of at 80 and 90 %, once', async () => {
        const caller = accountWith({ usdPerMonth: 10 });
        await (
          await begin(caller)
        )({ usd: 7.99 });
        expect(reached).toEqual([]);
        await (
          await begin(caller)
        )({ usd: 0.01 });
        const owner = { tenant: 'acme', user: 'alice', model: null };
        expect(reached).toEqual([{ owner, threshold: 0.8, usdPerMonth: 10, spentUsd: 8, month: '2026-11' }]);
        await (
          await begin(caller)
        )({ usd: 0.5 });
        await (
          await begin(caller)
        )({ usd: 0.6 });
        await (
          await begin(caller)
        )({ usd: 0.1 });
        expect(thresholds()).toEqual([
          ['alice', null, 0.8],
          ['alice', null, 0.9],
        ]);
      });

      it('are told of for each owner, both thresholds when they are passed at once', async () => {
        const all = staff({ user: { usdPerMonth: 1 }, model: { usdPerMonth: 2 }, tenant: { usdPerMonth: 1.05 } });
        await (
          await begin(all)
        )({ usd: 0.93 });
        expect(thresholds()).toEqual([
          ['alice', null, 0.8],
          ['alice', null, 0.9],
          [null, null, 0.8],
        ]);
      });

      it('are told of anew in the next month, and when the budget is another', async () => {
        await (
          await begin(accountWith({ usdPerMonth: 10 }))
        )({ usd: 8.5 });
        await (
          await begin(accountWith({ usdPerMonth: 10.5 }))
        )({ usd: 0 });
        await (
          await begin(accountWith({ usdPerMonth: 10 }))
        )({ usd: 0 });
        expect(reached.map(({ usdPerMonth }) => usdPerMonth)).toEqual([10, 10.5]);
        clock.now = Date.UTC(2026, 11, 2);
        await (
          await begin(accountWith({ usdPerMonth: 10 }))
        )({ usd: 8.5 });
        expect(reached.at(-1)).toMatchObject({ threshold: 0.8, month: '2026-12' });
      });

      it('are none where the budget is 0', async () => {
        await ledger.settle(accountWith({ usdPerMonth: 0 }), 'x', { tokens: 1, usd: 1 });
        expect(reached).toEqual([]);
      });
    });

    it('leaks no slot over many turns', async () => {
      const caller = accountWith({ concurrent: 3 });
      for (let turn = 0; turn < 100; turn += 1) {
        const ends = [await begin(caller), await begin(caller), await begin(caller)];
        expect((await refusal(reserve(caller))).headers['retry-after']).toBe('1');
        for (const end of ends) await end();
        for (const end of ends) await end();
      }
    });

    describe('money', () => {
      const caller = accountWith({ usdPerMonth: 1, requestsPerMinute: 10 });

      it('refuses a user whose month is spent until the next month begins (UTC)', async () => {
        clock.now = Date.UTC(2026, 11, 31, 23, 59, 0);
        await (
          await begin(caller)
        )({ usd: 0.6 });
        await (
          await begin(caller)
        )({ usd: 0.4 });
        const error = await refusal(reserve(caller));
        expect(error).toMatchObject({ code: 'budget_exceeded', status: 429, retryable: false });
        expect(error.headers).toMatchObject({ 'retry-after': '60', 'x-ratelimit-remaining-requests': '8' });
        await reserve(accountWith({ usdPerMonth: 1 }, 'bob'));
        clock.now += 60_000;
        await reserve(caller);
      });

      it('remembers the spend of a user who was idle', async () => {
        await (
          await begin(caller)
        )({ usd: 2 });
        for (let i = 0; i < 5; i += 1) {
          clock.now += 3_600_000;
          await reserve(accountWith({ requestsPerMinute: 1 }, `user-${i}`));
        }
        expect((await refusal(reserve(caller))).code).toBe('budget_exceeded');
      });

      it('lets answers that run side by side overrun the budget by one at most', async () => {
        await (
          await begin(caller)
        )({ usd: 0.5 });
        const running = await Promise.allSettled([1, 2, 3, 4, 5].map(() => begin(caller, 1, 0.3)));
        expect(running.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
        const error = await refusal(reserve(caller, 1, 0.3));
        expect(error).toMatchObject({ code: 'budget_exceeded', retryable: true });
        expect(error.headers['retry-after']).toBe('1');
        for (const end of running) if (end.status === 'fulfilled') await end.value({ usd: 0.01 });
        await reserve(caller, 1, 0.3); // most of what was reserved was not used
      });

      it('does not make a request wait that costs nothing', async () => {
        await begin(caller, 1, 5);
        await reserve(caller, 1, 0);
      });

      it('a budget of 0 refuses all, free requests too', async () => {
        const error = await refusal(reserve(accountWith({ usdPerMonth: 0 })));
        expect(error).toMatchObject({ code: 'budget_exceeded', retryable: false });
      });

      it('takes sums of fractions for what they are', async () => {
        const narrow = accountWith({ usdPerMonth: 0.8 });
        await (
          await begin(narrow)
        )({ usd: 0.7 });
        await (
          await begin(narrow)
        )({ usd: 0.1 }); // 0.7999999999999999 as a sum of doubles
        expect((await refusal(reserve(narrow))).code).toBe('budget_exceeded');
      });

      it.each([Number.NaN, -5])('is not moved by a cost of %d', async (usd) => {
        await (
          await begin(caller)
        )({ usd });
        await (
          await begin(caller)
        )({ usd: 1 });
        expect((await refusal(reserve(caller))).code).toBe('budget_exceeded');
      });
    });
  });
}

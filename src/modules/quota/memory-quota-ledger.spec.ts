import { AppError } from '../../common/app-error.js';
import type { Caller, CallerLimits } from '../../common/caller.js';
import { MemoryQuotaLedger } from './memory-quota-ledger.js';

const START = Date.UTC(2026, 10, 23);
const HOUR = 3_600_000;

const callerWith = (limits: CallerLimits, user = 'alice', tenant = 'acme'): Caller => ({
  tenant,
  user,
  scopes: ['chat'],
  limits,
});

function ledgerAt(start = START) {
  const clock = { now: start };
  return { clock, ledger: new MemoryQuotaLedger(() => clock.now) };
}

function refusal(ask: () => unknown): AppError {
  try {
    ask();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('was let in');
}

describe('requests per minute', () => {
  const caller = callerWith({ requestsPerMinute: 2 });

  it('slides: a request fits again 60 s after the first, not at the full minute', () => {
    const { clock, ledger } = ledgerAt();
    ledger.reserve(caller, 1);
    clock.now += 45_000;
    ledger.reserve(caller, 1);
    const error = refusal(() => ledger.reserve(caller, 1));
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', status: 429, retryable: true });
    expect(error.headers).toEqual({
      'retry-after': '15',
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '1m0s',
    });
    clock.now += 14_999;
    refusal(() => ledger.reserve(caller, 1));
    clock.now += 1;
    ledger.reserve(caller, 1);
  });

  it('keeps users, and users of one name in two tenants, apart', () => {
    const { ledger } = ledgerAt();
    const names = [
      ['acme', 'alice'],
      ['acme', 'bob'],
      ['other', 'alice'],
      ['a|b', 'c'],
      ['a', 'b|c'],
    ] as const;
    for (const [tenant, user] of names) {
      const one = callerWith({ requestsPerMinute: 1 }, user, tenant);
      ledger.reserve(one, 1);
      refusal(() => ledger.reserve(one, 1));
    }
  });

  it('takes a changed limit at once', () => {
    const { ledger } = ledgerAt();
    ledger.reserve(caller, 1);
    refusal(() => ledger.reserve(callerWith({ requestsPerMinute: 1 }), 1));
    ledger.reserve(callerWith({ requestsPerMinute: 3 }), 1);
  });

  it('stays counted when the request failed', () => {
    const { ledger } = ledgerAt();
    const { id } = ledger.reserve(callerWith({ requestsPerMinute: 1 }), 1);
    ledger.settle(id!, 0);
    refusal(() => ledger.reserve(callerWith({ requestsPerMinute: 1 }), 1));
  });
});

describe('tokens per minute', () => {
  const caller = callerWith({ tokensPerMinute: 1000 });
  const remaining = (ledger: MemoryQuotaLedger) => ledger.reserve(caller, 0).headers['x-ratelimit-remaining-tokens'];

  it.each([
    ['less than reserved', 100, '900'],
    ['exactly', 600, '400'],
    ['nothing', 0, '1000'],
    ['an overrun', 850, '150'],
    ['unknown', null, '400'],
    ['nonsense of a lying server', -50, '1000'],
  ])('settles to what was used: %s', (_, used, rest) => {
    const { ledger } = ledgerAt();
    const { id } = ledger.reserve(caller, 600);
    ledger.settle(id!, used);
    expect(remaining(ledger)).toBe(rest);
  });

  it('refuses after an overrun of more than the limit', () => {
    const { ledger } = ledgerAt();
    ledger.settle(ledger.reserve(caller, 600).id!, 5000);
    expect(refusal(() => ledger.reserve(caller, 0)).headers).toMatchObject({
      'retry-after': '60',
      'x-ratelimit-remaining-tokens': '0',
    });
  });

  it('settles once', () => {
    const { ledger } = ledgerAt();
    const { id } = ledger.reserve(caller, 600);
    ledger.settle(id!, 500);
    ledger.settle(id!, 0);
    expect(remaining(ledger)).toBe('500');
  });

  it('counts an overrun from when it was found', () => {
    const { clock, ledger } = ledgerAt();
    const { id } = ledger.reserve(caller, 100);
    clock.now += 90_000;
    ledger.settle(id!, 900);
    expect(remaining(ledger)).toBe('200');
    clock.now += 60_000;
    expect(remaining(ledger)).toBe('1000');
  });

  it('lets a request that alone is over the limit in when the window is empty', () => {
    const { clock, ledger } = ledgerAt();
    ledger.reserve(caller, 1);
    expect(refusal(() => ledger.reserve(caller, 50_000)).headers['retry-after']).toBe('60');
    clock.now += 60_000;
    expect(ledger.reserve(caller, 50_000).headers['x-ratelimit-remaining-tokens']).toBe('0');
  });
});

describe('all or nothing', () => {
  it('takes no request when the tokens do not fit, and no tokens when the slot does not', () => {
    const { ledger } = ledgerAt();
    const caller = callerWith({ requestsPerMinute: 3, tokensPerMinute: 100, concurrent: 2 });
    const { id } = ledger.reserve(caller, 60);
    for (let i = 0; i < 10; i += 1) refusal(() => ledger.reserve(caller, 60));
    expect(ledger.reserve(caller, 10).headers).toMatchObject({
      'x-ratelimit-remaining-requests': '1',
      'x-ratelimit-remaining-tokens': '30',
    });
    expect(refusal(() => ledger.reserve(caller, 10)).message).toContain('2 requests at a time');
    ledger.settle(id!, 60);
    expect(ledger.reserve(caller, 10).headers).toMatchObject({
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-remaining-tokens': '20',
    });
  });

  it('tells the longest wait when several limits are reached', () => {
    const { clock, ledger } = ledgerAt();
    const caller = callerWith({ requestsPerMinute: 2, tokensPerMinute: 100 });
    ledger.reserve(caller, 10);
    clock.now += 30_000;
    ledger.reserve(caller, 90);
    expect(refusal(() => ledger.reserve(caller, 20)).headers['retry-after']).toBe('60');
  });
});

describe('requests in flight', () => {
  const caller = callerWith({ concurrent: 3 });

  it('leaks no slot over many turns', () => {
    const { ledger } = ledgerAt();
    for (let turn = 0; turn < 1000; turn += 1) {
      const ids = [1, 2, 3].map(() => ledger.reserve(caller, 1).id!);
      expect(refusal(() => ledger.reserve(caller, 1)).headers['retry-after']).toBe('1');
      for (const id of ids) ledger.settle(id, null);
      for (const id of ids) ledger.settle(id, null);
    }
  });

  it('lets a lease that was never settled go after an hour, and a late end frees no second slot', () => {
    const { clock, ledger } = ledgerAt();
    const [lost] = [1, 2, 3].map(() => ledger.reserve(caller, 1).id!);
    clock.now += HOUR - 1;
    refusal(() => ledger.reserve(caller, 1));
    clock.now += 1;
    for (let i = 0; i < 3; i += 1) ledger.reserve(caller, 1);
    ledger.settle(lost!, 1);
    refusal(() => ledger.reserve(caller, 1));
  });
});

describe('money', () => {
  const caller = callerWith({ usdPerMonth: 1, requestsPerMinute: 5 });

  it('refuses a user whose month is spent until the next month begins (UTC)', () => {
    const { clock, ledger } = ledgerAt(Date.UTC(2026, 11, 31, 23, 59, 0));
    ledger.book(caller, 0.6);
    ledger.reserve(caller, 1);
    ledger.book(caller, 0.4);
    const error = refusal(() => ledger.reserve(caller, 1));
    expect(error).toMatchObject({ code: 'budget_exceeded', status: 429, retryable: false });
    expect(error.headers).toMatchObject({ 'retry-after': '60', 'x-ratelimit-remaining-requests': '4' });
    ledger.reserve(callerWith({ usdPerMonth: 1 }, 'bob'), 1);
    clock.now += 60_000;
    ledger.reserve(caller, 1);
  });

  it('remembers the spend of a user who was idle', () => {
    const { clock, ledger } = ledgerAt();
    ledger.book(caller, 2);
    for (let i = 0; i < 5; i += 1) {
      clock.now += HOUR;
      ledger.reserve(callerWith({ requestsPerMinute: 1 }, `user-${i}`), 1);
    }
    expect(refusal(() => ledger.reserve(caller, 1)).code).toBe('budget_exceeded');
  });
});

describe('memory', () => {
  it('keeps nothing for callers without limits', () => {
    const { ledger } = ledgerAt();
    expect(ledger.reserve(callerWith({}), 5)).toEqual({ headers: {}, id: null });
    expect(ledger.activeUsers).toBe(0);
  });

  it('forgets 100,000 users that went idle', () => {
    const { clock, ledger } = ledgerAt();
    for (let i = 0; i < 100_000; i += 1) {
      const { id } = ledger.reserve(callerWith({ requestsPerMinute: 1 }, `user-${i}`), 1);
      ledger.settle(id!, 1);
    }
    expect(ledger.activeUsers).toBe(100_000);
    for (let i = 0; i < 100_000; i += 1) {
      clock.now += 10;
      const { id } = ledger.reserve(callerWith({ requestsPerMinute: 10_000 }), 1);
      ledger.settle(id!, 1);
    }
    clock.now += 60_000;
    for (let i = 0; i < 50_000; i += 1) ledger.reserve(callerWith({ requestsPerMinute: 100_000 }), 1);
    expect(ledger.activeUsers).toBe(1);
  });

  it('does not forget a user with a request in flight', () => {
    const { clock, ledger } = ledgerAt();
    const busy = callerWith({ concurrent: 1 });
    ledger.reserve(busy, 1);
    for (let i = 0; i < 10; i += 1) {
      clock.now += 61_000;
      ledger.reserve(callerWith({ requestsPerMinute: 1 }, `user-${i}`), 1);
    }
    refusal(() => ledger.reserve(busy, 1));
  });
});

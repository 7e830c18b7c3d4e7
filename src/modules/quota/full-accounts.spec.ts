import { accountWith, refusal, staff, START } from '../../../test/contract/quota-ledger.contract.js';
import type { Accounts } from '../../common/accounts.js';
import { FullAccounts } from './full-accounts.js';
import type { Counted } from './quota-verdict.js';

const EMPTY = { used: 0, emptyInMs: 0, fitsInMs: 0 };
const STATE = { tokens: EMPTY, inFlight: 0, spentUsd: 0, reservedUsd: 0 };
/** Two requests a minute are used up for another 40 s. */
const fullFor = (accounts: Accounts, place = 0): Counted => ({
  ...accounts[place]!,
  state: { ...STATE, requests: { used: 2, emptyInMs: 55_000, fitsInMs: 40_000 } },
});

describe('accounts that are known to be full', () => {
  const limits = { requestsPerMinute: 2, tokensPerMinute: 100 };
  const caller = accountWith(limits);
  const known = (counted = fullFor(caller), accounts = caller, place = 0) => {
    const full = new FullAccounts();
    full.note(accounts[place]!.key, counted, START);
    return full;
  };
  const ask = (full: FullAccounts, accounts: Accounts, now: number) =>
    refusal((async () => full.refuse(accounts, now))());

  it('are refused until there is room, with all headers', async () => {
    const tokens = { used: 30, emptyInMs: 20_000, fitsInMs: 20_000 };
    const counted = fullFor(caller);
    const full = known({ ...counted, state: { ...counted.state, tokens, inFlight: 9 } });
    const error = await ask(full, caller, START + 10_000);
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', status: 429 });
    expect(error.headers).toEqual({
      'retry-after': '30',
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '45s',
      'x-ratelimit-limit-tokens': '100',
      'x-ratelimit-remaining-tokens': '70',
      'x-ratelimit-reset-tokens': '10s',
    });
    const later = await ask(full, caller, START + 39_999);
    expect(later.headers).toMatchObject({ 'retry-after': '1', 'x-ratelimit-remaining-tokens': '100' });
    full.refuse(caller, START + 40_000);
    full.refuse(caller, START + 10_000); // forgotten by now
  });

  it.each<[string, Accounts]>([
    ['another user', accountWith(limits, 'bob')],
    ['another limit of requests', accountWith({ ...limits, requestsPerMinute: 3 })],
    ['another limit of tokens', accountWith({ ...limits, tokensPerMinute: 200 })],
    ['no limit of requests', accountWith({ tokensPerMinute: 100 })],
  ])('are not those of %s', (_, other) => known().refuse(other, START));

  it('are refused where only requests are looked at, without headers of tokens', async () => {
    const error = await ask(known(), accountWith({ requestsPerMinute: 2 }), START);
    expect(Object.keys(error.headers).filter((name) => name.endsWith('tokens'))).toEqual([]);
  });

  it('of which only requests are known do not refuse those who want tokens told, and make nothing forgotten', async () => {
    const counted = fullFor(accountWith({ requestsPerMinute: 2 }));
    known(counted).refuse(caller, START);
    const full = known();
    full.note(caller[0]!.key, counted, START + 5_000);
    expect((await ask(full, caller, START)).headers).toHaveProperty('x-ratelimit-limit-tokens');
  });

  it('are not refused for longer by a clock that is set back', () => {
    const full = known();
    full.refuse(caller, START - 3_600_000);
    full.refuse(caller, START);
  });

  it('are tenants as a whole, too', async () => {
    const own = { user: { requestsPerMinute: 9 }, tenant: { requestsPerMinute: 2 } };
    const full = known(fullFor(staff(own), 1), staff(own), 1);
    expect((await ask(full, staff(own, 'bob'), START)).message).toContain('for your tenant as a whole');
  });
});

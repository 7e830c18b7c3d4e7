import { AccountBook, type Account, type Accounts } from '../../common/accounts.js';
import { UnbookedCosts, UncountedRequests, type Booking } from './quota-backlog.js';
import { WINDOW_MS } from './sliding-window.js';

const AT = Date.UTC(2026, 10, 23);
const book = new AccountBook({ tenants: {}, models: [] });
const accounts = (user: string): Accounts =>
  book.of({ tenant: 'acme', user, scopes: ['chat'], limits: { usdPerMonth: 1 } }, null);
const account = (user: string): Account => accounts(user)[0]!;
const booking = (id: string, usd: number, user = 'alice', at = AT): Booking => ({
  id,
  accounts: accounts(user),
  usd,
  at,
});

describe('UnbookedCosts', () => {
  it('keeps the id of what may have arrived', () => {
    const waiting = new UnbookedCosts();
    waiting.add(booking('a', 1), true);
    waiting.add(booking('b', 2), true);
    expect(waiting.toSend().map(({ id }) => id)).toEqual(['a', 'b']);
    waiting.booked('a');
    expect(waiting.toSend().map(({ id }) => id)).toEqual(['b']);
  });

  it('sums up what has not, by user and month', () => {
    const waiting = new UnbookedCosts();
    for (let n = 0; n < 1_000; n += 1) waiting.add(booking(`x-${n}`, 0.5), false);
    waiting.add(booking('y', 3, 'bob'), false);
    waiting.add(booking('z', 7, 'alice', Date.UTC(2026, 11, 1)), false);
    expect(waiting.size).toBe(3);
    expect(waiting.toSend().map(({ usd }) => usd)).toEqual([500, 3, 7]);
  });

  it('adds nothing to what is being sent', () => {
    const waiting = new UnbookedCosts();
    waiting.add(booking('a', 1), false);
    const [sent] = waiting.toSend();
    waiting.add(booking('b', 2), false);
    waiting.booked(sent!.id);
    expect(waiting.toSend().map(({ usd }) => usd)).toEqual([2]);
    expect(waiting.size).toBe(1);
  });
});

describe('UncountedRequests', () => {
  it('are forgotten with their window, however many users come while Redis is away', () => {
    const uncounted = new UncountedRequests();
    for (let n = 0; n < 1_000; n += 1) uncounted.add(account(`u${n}`), 1, n, null);
    uncounted.forgetOld(WINDOW_MS + 499);
    expect(uncounted.accounts).toHaveLength(500);
    uncounted.forgetOld(WINDOW_MS + 1_000);
    expect(uncounted.accounts).toEqual([]);
  });
});

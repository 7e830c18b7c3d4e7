import { describeQuotaLedger, accountWith, refusal, START } from '../../../../test/contract/quota-ledger.contract.js';
import { MonthlySpend } from '../monthly-spend.js';
import type { ReachedBudget } from '../quota.messages.js';
import { MemoryQuotaLedger } from './memory.quota-ledger.js';

const HOUR = 3_600_000;
const NEED = { tokens: 1, usd: 0 };
const USED = { tokens: 1, usd: null };

function ledgerAt(start = START) {
  const clock = { now: start };
  const reached: ReachedBudget[] = [];
  const tell = (one: ReachedBudget): void => {
    reached.push(one);
  };
  const now = () => clock.now;
  return { clock, reached, ledger: new MemoryQuotaLedger(new MonthlySpend(), tell, ' A remark.', now, now) };
}

describeQuotaLedger('memory', async () => ledgerAt());

describe('memory of the memory ledger', () => {
  it('lets a lease that was never settled go after an hour, and a late end frees no second slot', async () => {
    const caller = accountWith({ concurrent: 3 });
    const { clock, ledger } = ledgerAt();
    const reserve = (id: string) => ledger.reserve(caller, NEED, id);
    for (const id of ['lost', 'b', 'c']) await reserve(id);
    clock.now += HOUR - 1;
    await refusal(reserve('d'));
    clock.now += 1;
    for (const id of ['e', 'f', 'g']) await reserve(id);
    await ledger.settle(caller, 'lost', USED);
    await refusal(reserve('h'));
  });

  it('begins a month with the calendar, also after the machine was asleep', async () => {
    const budget = accountWith({ usdPerMonth: 1 });
    let date = Date.UTC(2026, 10, 30, 23);
    const asleep = new MemoryQuotaLedger(
      new MonthlySpend(),
      null,
      '',
      () => START,
      () => date,
    );
    const spend = async (id: string) => {
      await asleep.reserve(budget, NEED, id);
      await asleep.settle(budget, id, { tokens: 1, usd: 1 });
    };
    await spend('a');
    await refusal(spend('b'));
    date += 2 * HOUR;
    await spend('c');
    await refusal(spend('d'));
    date -= 2 * HOUR; // the clock was wrong
    await refusal(spend('e'));
  });

  it('counts what another ledger has let in, without refusing it', async () => {
    const caller = accountWith({ requestsPerMinute: 1 });
    const { ledger } = ledgerAt();
    for (const id of ['a', 'b']) ledger.note({ accounts: caller, need: NEED, id });
    expect((await refusal(ledger.reserve(caller, NEED, 'c'))).message).toMatch(/ A remark\.$/);
  });

  it('forgets 20,000 users that went idle', async () => {
    const { clock, ledger } = ledgerAt();
    const turn = async (user: string, requestsPerMinute: number) => {
      const caller = accountWith({ requestsPerMinute }, user);
      await ledger.reserve(caller, NEED, 'one');
      await ledger.settle(caller, 'one', USED);
    };
    for (let i = 0; i < 20_000; i += 1) await turn(`user-${i}`, 1);
    expect(ledger.activeAccounts).toBe(20_000);
    for (let i = 0; i < 20_000; i += 1) {
      clock.now += 10;
      await turn('alice', 10_000);
    }
    clock.now += 60_000;
    for (let i = 0; i < 10_000; i += 1) await turn('alice', 100_000);
    expect(ledger.activeAccounts).toBe(1);
  });

  it('does not forget a user with a request in flight', async () => {
    const { clock, ledger } = ledgerAt();
    const busy = accountWith({ concurrent: 1 });
    await ledger.reserve(busy, NEED, 'busy');
    for (let i = 0; i < 10; i += 1) {
      clock.now += 61_000;
      await ledger.reserve(accountWith({ requestsPerMinute: 1 }, `user-${i}`), NEED, `other-${i}`);
    }
    await refusal(ledger.reserve(busy, NEED, 'again'));
  });
});

import { routerConfigSchema } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { MemoryQuotaLedger } from './adapters/memory.quota-ledger.js';
import { MonthlySpend } from './monthly-spend.js';
import { Refusals } from './refusals.js';
import { ThrottleLedger } from './throttle-ledger.js';

const live = new LiveConfig(routerConfigSchema.parse({}), null);
const newThrottle = () => {
  const ledger = new MemoryQuotaLedger(new MonthlySpend());
  return { ledger, throttle: new ThrottleLedger(ledger, new Refusals(), live) };
};
const addressOf = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

describe('what addresses do without a credential', () => {
  it('is counted for each: 30 failed sign-ins, 600 pages', async () => {
    const { throttle } = newThrottle();
    for (const [what, most] of [
      ['failedSignIn', 30],
      ['page', 600],
    ] as const) {
      for (let n = 0; n < most; n += 1) await throttle.countAddress('192.0.2.1', what);
      await expect(throttle.countAddress('192.0.2.1', what)).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
      await throttle.countAddress('192.0.2.2', what);
    }
  });

  it('takes bounded room, however many addresses there are: those beyond 10,000 are counted as one', async () => {
    const { ledger, throttle } = newThrottle();
    const refused: number[] = [];
    for (let n = 0; n < 10_100; n += 1) {
      await throttle.countAddress(addressOf(n), 'failedSignIn').catch(() => refused.push(n));
    }
    expect(ledger.activeAccounts).toBe(10_001);
    expect(refused[0]).toBe(10_030);
    await throttle.countAddress(addressOf(7), 'failedSignIn');
  });
});

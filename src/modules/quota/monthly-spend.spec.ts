import { MonthlySpend } from './monthly-spend.js';

const at = (month: number, day = 1) => Date.UTC(2026, month, day);

describe('MonthlySpend', () => {
  it('begins at zero with every calendar month, also after one without any cost', () => {
    const spend = new MonthlySpend();
    spend.add(at(0, 31), 'alice', 2);
    spend.add(at(0, 31), 'alice', 3);
    expect([spend.spent(at(1) - 1, 'alice'), spend.spent(at(1) - 1, 'bob')]).toEqual([5, 0]);
    expect(spend.spent(at(1), 'alice')).toBe(0);
    spend.add(at(1, 28), 'alice', 1);
    expect(spend.spent(at(4), 'alice')).toBe(0);
  });

  it('knows the end of the month, and of the year', () => {
    expect(new MonthlySpend().endsIn(at(1, 28))).toBe(24 * 3_600_000);
    expect(new MonthlySpend().endsIn(at(11, 31))).toBe(24 * 3_600_000);
  });

  it.each([Number.NaN, -5, 0])('is not moved by a cost of %d', (cost) => {
    const spend = new MonthlySpend();
    spend.add(at(0), 'alice', 0.5);
    spend.add(at(0), 'alice', cost);
    expect(spend.spent(at(0), 'alice')).toBe(0.5);
  });
});

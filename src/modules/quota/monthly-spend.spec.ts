import { MonthlySpend, nextMonth } from './monthly-spend.js';

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
    expect(nextMonth(at(1, 28)) - at(1, 28)).toBe(24 * 3_600_000);
    expect(nextMonth(at(11, 31)) - at(11, 31)).toBe(24 * 3_600_000);
  });

  it('counts what belongs to the month before by itself', () => {
    const spend = new MonthlySpend();
    spend.add(at(1), 'alice', 1);
    spend.add(at(1) - 1, 'alice', 8);
    spend.raise(at(0), 'alice', 9);
    spend.subtract(at(0), 'alice', 1);
    expect([spend.spent(at(0), 'alice'), spend.spent(at(1), 'alice')]).toEqual([8, 1]);
  });

  it.each([at(1), at(40)])('knows what was spent after a clock that was wrong has been set right: %d', (wrong) => {
    const spend = new MonthlySpend();
    spend.add(at(0), 'alice', 5);
    expect(spend.spent(wrong, 'alice')).toBe(0);
    spend.add(wrong, 'alice', 1);
    spend.add(at(0), 'alice', 1);
    expect(spend.spent(at(0), 'alice')).toBe(6);
  });

  it('learns of larger sums, and takes back what was added', () => {
    const spend = new MonthlySpend();
    spend.raise(at(0), 'alice', 2);
    spend.raise(at(0), 'alice', 1);
    expect(spend.spent(at(0), 'alice')).toBe(2);
    spend.subtract(at(0), 'alice', 0.5);
    expect(spend.spent(at(0), 'alice')).toBe(1.5);
    spend.subtract(at(0), 'alice', 9);
    expect(spend.spent(at(0), 'alice')).toBe(0);
  });

  it.each([Number.NaN, -5, 0])('is not moved by a cost of %d', (cost) => {
    const spend = new MonthlySpend();
    spend.add(at(0), 'alice', 0.5);
    spend.add(at(0), 'alice', cost);
    expect(spend.spent(at(0), 'alice')).toBe(0.5);
  });
});

import { describe, expect, it } from '@jest/globals';
import { RefusalAllowance } from './refusal-allowance.js';

const MINUTE_MS = 60_000;

describe('how many refusals of a user have a record', () => {
  it('is ten a minute of each', () => {
    const allowance = new RefusalAllowance();
    const kept = (user: string, now: number): number =>
      Array.from({ length: 25 }, () => allowance.takes(user, now)).filter(Boolean).length;
    expect([kept('alice', 0), kept('bob', 1), kept('alice', MINUTE_MS - 1)]).toEqual([10, 10, 0]);
    expect([kept('alice', MINUTE_MS), kept('bob', MINUTE_MS)]).toEqual([10, 0]);
  });

  it('is counted for 10,000 users at a time', () => {
    const allowance = new RefusalAllowance();
    for (let n = 0; n < 20; n += 1) allowance.takes('alice', 0);
    expect(allowance.takes('alice', 0)).toBe(false);
    for (let n = 0; n < 10_000; n += 1) allowance.takes(`user-${n}`, 0);
    expect(allowance.takes('alice', 0)).toBe(true);
  });
});

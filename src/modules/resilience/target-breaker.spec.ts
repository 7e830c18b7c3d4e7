import { setTimeout as delay } from 'node:timers/promises';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import { TargetBreaker } from './target-breaker.js';

const failing = (outcome: UpstreamFailure['outcome']) => () => Promise.reject(new UpstreamFailure(outcome, 'no'));

describe('TargetBreaker', () => {
  let breaker: TargetBreaker;
  beforeEach(async () => {
    breaker = new TargetBreaker({ failures: 1, resetSeconds: 1 }, () => undefined);
    await breaker.run(failing('server_error')).catch(() => undefined);
    expect(breaker.state).toBe('open');
    while (!breaker.awaitsProbe) await delay(10);
  });
  afterEach(() => breaker.shutdown());

  it.each(['overloaded', 'aborted'] as const)('a probe that was never sent (%s) proves nothing', async (outcome) => {
    await expect(breaker.run(failing(outcome))).rejects.toMatchObject({ outcome });
    expect(breaker.state).toBe('open');
    while (!breaker.awaitsProbe) await delay(10);
    await breaker.run(() => Promise.resolve());
    expect(breaker.state).toBe('closed');
  });

  it.each(['rate_limited', 'bad_request', 'loading'] as const)(
    'a probe that was answered (%s) closes it',
    async (outcome) => {
      await expect(breaker.run(failing(outcome))).rejects.toMatchObject({ outcome });
      expect(breaker.state).toBe('closed');
    },
  );
});

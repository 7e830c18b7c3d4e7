import { afterEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { CommandBus } from '@nestjs/cqrs';
import { eventually } from '../../../test/support/router-calls.js';
import type { LiveConfig } from '../../common/config/live-config.js';
import type { TargetStatus } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import { BreakerOpen } from './target-breaker.js';
import { TargetBreakers } from './target-breakers.js';

const TARGET = { id: 'one', deployment: {} } as TargetStatus;
const CONFIG = { targets: [], resilience: { breaker: { failures: 1, resetSeconds: 1 } } };

afterEach(() => {
  jest.restoreAllMocks();
});

it('a probe that is claimed and then not made is left to the other replicas', async () => {
  jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  jest.spyOn(Logger.prototype, 'log').mockReturnValue(undefined);
  const config = { current: CONFIG, onChange: () => undefined } as unknown as LiveConfig;
  const breakers = new TargetBreakers(config, { execute: async () => undefined } as unknown as CommandBus);
  const given: string[] = [];
  breakers.listen({
    breakerChanged: () => undefined,
    restBegan: () => undefined,
    claimProbe: async (target) => {
      breakers.openFor(target, 1_000, 1); // another replica's word comes while the claim is on its way
      return { waitMs: 0, lease: 'mine' };
    },
    releaseProbe: ({ id }, lease) => given.push(`${id} ${lease}`),
  });
  const call = jest.fn(async () => Promise.reject(new UpstreamFailure('unreachable', '')));
  await expect(breakers.run(TARGET, call)).rejects.toThrow(UpstreamFailure);
  await eventually('a probe is due', 5_000, async () => breakers.of(TARGET).breaker.awaitsProbe);

  await expect(breakers.run(TARGET, call)).rejects.toThrow(BreakerOpen);
  expect(call).toHaveBeenCalledTimes(1);
  expect(given).toEqual(['one mine']);
  breakers.onApplicationShutdown();
});

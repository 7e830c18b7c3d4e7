import { Global, Module } from '@nestjs/common';
import { CommandBus, CqrsModule, EventBus } from '@nestjs/cqrs';
import { Test } from '@nestjs/testing';
import type { Caller } from '../../common/caller.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { RedisModule } from '../../common/redis/redis.module.js';
import { ChatCompletedEvent, type ChatOutcome } from '../chat/chat.messages.js';
import { ReserveQuotaCommand } from './quota.messages.js';
import { QuotaModule } from './quota.module.js';

const caller: Caller = {
  tenant: 'acme',
  user: 'alice',
  scopes: ['chat'],
  limits: { tokensPerMinute: 1000, concurrent: 1, usdPerMonth: 1 },
};

const live = new LiveConfig(routerConfigSchema.parse({}), null);

@Global()
@Module({ providers: [{ provide: LiveConfig, useValue: live }], exports: [LiveConfig] })
class ConfigStub {}

interface Ending {
  outcome?: ChatOutcome;
  totalTokens?: number | null;
  costUsd?: number | null;
  cacheResult?: string;
}

function completed(leaseId: string | null, ending: Ending): ChatCompletedEvent {
  const { outcome = 'answered', totalTokens = null, costUsd = null, cacheResult = 'MISS' } = ending;
  const usage =
    totalTokens === null ? null : { prompt_tokens: 0, completion_tokens: totalTokens, total_tokens: totalTokens };
  const timing = { totalMs: 1, overheadMs: 1, firstTokenMs: null };
  const cache = { result: cacheResult, key: null, completion: null };
  // prettier-ignore
  return new ChatCompletedEvent(
    outcome, 'r1', caller, 'auto', 200, null, null, usage, costUsd, [], timing, leaseId, cache, false, null, null,
  );
}

async function buses() {
  const imports = [ConfigStub, RedisModule, CqrsModule.forRoot(), QuotaModule];
  const app = await Test.createTestingModule({ imports }).compile();
  await app.init();
  const commands = app.get(CommandBus);
  return {
    reserve: (tokens: number) => commands.execute(new ReserveQuotaCommand(caller, { tokens, usd: 0 })),
    events: app.get(EventBus),
  };
}

describe('quota over the buses', () => {
  it.each<[string, Ending, string]>([
    ['an answer', { totalTokens: 250 }, '750'],
    ['an answer nobody counted', {}, '400'],
    ['a failure', { outcome: 'failed' }, '1000'],
    ['an abort', { outcome: 'aborted' }, '1000'],
    ['an abort after some tokens', { outcome: 'aborted', totalTokens: 100 }, '900'],
    ['a cached answer', { totalTokens: 250, cacheResult: 'HIT' }, '1000'],
  ])('frees the slot and settles the tokens after %s', async (_, ending, remaining) => {
    const { reserve, events } = await buses();
    const lease = await reserve(600);
    await expect(reserve(1)).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    events.publish(completed(lease.id, ending));
    expect((await reserve(0)).headers['x-ratelimit-remaining-tokens']).toBe(remaining);
  });

  it('books the cost', async () => {
    const { reserve, events } = await buses();
    const lease = await reserve(1);
    events.publish(completed(lease.id, { costUsd: 1 }));
    await expect(reserve(1)).rejects.toMatchObject({ code: 'budget_exceeded' });
  });

  it('ignores ends of requests that took nothing', async () => {
    const { reserve, events } = await buses();
    events.publish(completed(null, { costUsd: 99 }));
    events.publish(completed('no such lease', { totalTokens: 500 }));
    expect((await reserve(0)).headers['x-ratelimit-remaining-tokens']).toBe('1000');
  });
});

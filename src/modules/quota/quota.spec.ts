import { Global, Module } from '@nestjs/common';
import { CommandBus, CqrsModule, EventBus } from '@nestjs/cqrs';
import { Test } from '@nestjs/testing';
import { AccountBook } from '../../common/accounts.js';
import type { Caller } from '../../common/caller.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { StoresModule } from '../../common/stores.module.js';
import { ChatCompletedEvent, type ChatOutcome } from '../chat/chat.messages.js';
import { NO_LEASE, ReserveQuotaCommand, type QuotaLease } from './quota.messages.js';
import { QuotaModule } from './quota.module.js';

const caller: Caller = {
  tenant: 'acme',
  user: 'alice',
  scopes: ['chat'],
  limits: { tokensPerMinute: 1000, concurrent: 1, usdPerMonth: 1 },
};

const accounts = new AccountBook({ tenants: {}, models: [] }).of(caller, 'auto');

const live = new LiveConfig(routerConfigSchema.parse({}), null);

@Global()
@Module({ providers: [{ provide: LiveConfig, useValue: live }], exports: [LiveConfig] })
class ConfigStub {}

interface Ending {
  outcome?: ChatOutcome;
  tokens?: number;
  usd?: number;
}

function completed(lease: QuotaLease, ending: Ending): ChatCompletedEvent {
  const { outcome = 'answered', tokens = 0, usd = 0 } = ending;
  const timing = { totalMs: 1, overheadMs: 1, firstTokenMs: null };
  const cache = { result: 'MISS', bypass: null, isRenewal: false, savedUsd: 0, savedMs: 0 } as const;
  const seen = {
    requestId: 'r1',
    caller,
    requestedModel: 'auto',
    stream: false,
    sessionId: null,
    trace: null,
    joined: null,
    asked: null,
  };
  const taken = {
    usage: null,
    costUsd: null,
    billed: { tokens, usd },
    attempts: [],
    decision: null,
    lease,
    pays: true,
  };
  const nothing = { errorCode: null, route: null, completion: null, persisted: null };
  const end = { outcome, status: 200, ...nothing, timing, cache };
  return new ChatCompletedEvent({ ...seen, ...taken, ...end });
}

async function buses() {
  const imports = [ConfigStub, StoresModule, CqrsModule.forRoot(), QuotaModule];
  // in the memory of SQLite every test begins with nothing spent
  const inMemory = new SqliteFile(':memory:');
  const app = await Test.createTestingModule({ imports }).overrideProvider(SqliteFile).useValue(inMemory).compile();
  await app.init();
  const commands = app.get(CommandBus);
  return {
    reserve: (tokens: number) => commands.execute(new ReserveQuotaCommand(accounts, { tokens, usd: 0 })),
    events: app.get(EventBus),
  };
}

describe('quota over the buses', () => {
  it.each<[string, Ending, string]>([
    ['an answer', { tokens: 250 }, '750'],
    ['a failure', { outcome: 'failed' }, '1000'],
    ['an abort', { outcome: 'aborted' }, '1000'],
    ['an abort after some tokens', { outcome: 'aborted', tokens: 100 }, '900'],
  ])('frees the slot and settles the tokens after %s', async (_, ending, remaining) => {
    const { reserve, events } = await buses();
    const lease = await reserve(600);
    await expect(reserve(1)).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    events.publish(completed(lease, ending));
    expect((await reserve(0)).headers['x-ratelimit-remaining-tokens']).toBe(remaining);
  });

  it('books the cost', async () => {
    const { reserve, events } = await buses();
    const lease = await reserve(1);
    events.publish(completed(lease, { usd: 1 }));
    await expect(reserve(1)).rejects.toMatchObject({ code: 'budget_exceeded' });
  });

  it('ignores ends of requests that took nothing', async () => {
    const { reserve, events } = await buses();
    events.publish(completed(NO_LEASE, { usd: 99 }));
    events.publish(completed({ ...NO_LEASE, id: 'no such lease', accounts }, { tokens: 500 }));
    expect((await reserve(0)).headers['x-ratelimit-remaining-tokens']).toBe('1000');
  });
});

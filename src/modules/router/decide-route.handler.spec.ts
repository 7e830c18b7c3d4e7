import { Module } from '@nestjs/common';
import type { IQueryHandler } from '@nestjs/cqrs';
import { CommandBus, CqrsModule, QueryHandler } from '@nestjs/cqrs';
import { Test } from '@nestjs/testing';
import { LOOPBACK_CALLER } from '../../common/caller.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { TargetStatus } from '../../common/target.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { RouterModule } from './router.module.js';
import { DecideRouteCommand } from './router.messages.js';

const config = new LiveConfig(
  routerConfigSchema.parse({
    targets: [{ id: 'local', tier: 'local', provider: 'simulated' }],
    models: [{ name: 'auto', targets: ['local'] }],
  }),
  null,
);

@QueryHandler(ListTargetsQuery)
class OneTarget implements IQueryHandler<ListTargetsQuery> {
  async execute(): Promise<readonly TargetStatus[]> {
    const { price: _price, ...target } = config.current.targets[0]!;
    const idle = {
      breaker: 'closed',
      openForMs: 0,
      deployment: {},
      warm: null,
      slots: { inFlight: 0, queued: 0 },
      calls: { ttftMs: { p50: null, p95: null }, errorRate: 0, lastError: null },
    } as const;
    return [{ contextWindow: null, ...target, ...idle, price: null, simulated: true }];
  }
}

const noRedis = { provide: RedisConnection, useValue: new RedisConnection(config.current.redis) };

@Module({
  providers: [{ provide: LiveConfig, useValue: config }, noRedis, OneTarget, AnsweredPrices],
  exports: [LiveConfig, RedisConnection, AnsweredPrices],
})
class Surroundings {}

it('answers DecideRouteCommand on the bus', async () => {
  const global = { module: Surroundings, global: true };
  const app = await Test.createTestingModule({ imports: [CqrsModule.forRoot(), global, RouterModule] }).compile();
  await app.init();
  const request = { model: 'auto', messages: [{ role: 'user', content: 'hi' }] };
  const decision = await app.get(CommandBus).execute(
    new DecideRouteCommand({
      requestId: 'r',
      request,
      history: [],
      strategy: null,
      caller: LOOPBACK_CALLER,
      previousTarget: null,
      live: false,
      explain: true,
    }),
  );
  expect(decision).toMatchObject({
    target: { id: 'local' },
    reasonCode: 'only_candidate',
    explanation: { rules: ['smalltalk'] },
  });
  expect(decision.tookUs).toBeGreaterThan(0);
  await app.close();
});

import { Global, Module, type ExecutionContext } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../src/common/caller.js';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { LiveConfig } from '../../src/common/config/live-config.js';
import { StoresModule } from '../../src/common/stores.module.js';
import { ErrorFilter } from '../../src/common/http/error.filter.js';
import { CacheModule } from '../../src/modules/cache/cache.module.js';
import { IdempotencyModule } from '../../src/modules/idempotency/idempotency.module.js';
import type { Turn } from '../../src/modules/session/session.messages.js';
import { SessionModule } from '../../src/modules/session/session.module.js';

const MAX_TURNS = 3;
const config = new LiveConfig(routerConfigSchema.parse({ sessions: { maxTurns: MAX_TURNS } }), null);

@Global()
@Module({ providers: [{ provide: LiveConfig, useValue: config }], exports: [LiveConfig] })
class ConfigStub {}

export const callerOf = (tenant: string): Caller => ({ tenant, user: 'u', scopes: ['chat'], limits: {} });

/** In place of module identity: the tenant is what the header says. */
const callerFromHeader = {
  canActivate(context: ExecutionContext): boolean {
    const incoming = context.switchToHttp().getRequest<FastifyRequest>();
    incoming.caller = callerOf(String(incoming.headers['x-test-tenant'] ?? 'acme'));
    return true;
  },
};

export const sentTurn = (n: number, changes: Partial<Turn> = {}): Omit<Turn, 'id' | 'at'> => ({
  requestId: `req-${n}`,
  messages: [
    { role: 'user', content: `question ${n}` },
    { role: 'assistant', content: `answer ${n}` },
  ],
  target: 'local',
  tier: 'local',
  model: 'llama3.2',
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  costUsd: 0.25,
  latencyMs: 100 * n,
  cached: false,
  simulated: false,
  fallback: false,
  ...changes,
});

/** Module session alone, listening on a free loopback port, with at most MAX_TURNS turns of history. */
export async function startSessionApp(): Promise<NestFastifyApplication> {
  const testing = await Test.createTestingModule({
    imports: [ConfigStub, StoresModule, IdempotencyModule, CacheModule, SessionModule],
  }).compile();
  const adapter = new FastifyAdapter({ routerOptions: { maxParamLength: 1024 } });
  const app = testing.createNestApplication<NestFastifyApplication>(adapter, { logger: false });
  app.useGlobalFilters(new ErrorFilter());
  app.useGlobalGuards(callerFromHeader);
  await app.listen(0, '127.0.0.1');
  return app;
}

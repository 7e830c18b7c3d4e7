import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Global, Module, type CanActivate, type ExecutionContext, type OnApplicationShutdown } from '@nestjs/common';
import { CqrsModule, EventBus, QueryHandler } from '@nestjs/cqrs';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { LOOPBACK_CALLER, type Scope } from '../../common/caller.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { useIncomingTraces } from '../../common/tracing/incoming-traces.js';
import { useRequestEnds } from '../../common/http/request-ends.js';
import { createJsonLogger } from '../../common/logging/json-logger.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { AzureTables } from '../../common/tables/adapters/azure-tables.js';
import type { TargetStatus } from '../../common/target.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { CountSessionsQuery } from '../session/session.messages.js';
import { completed } from './completed-event.fixture.js';
import { RecordChatCompletedHandler } from './record-chat-completed.handler.js';
import { TelemetryModule } from './telemetry.module.js';

const folder = mkdtempSync(join(tmpdir(), 'telemetry-'));
const listTargets = jest.fn<() => Promise<readonly TargetStatus[]>>();
const countSessions = jest.fn<() => Promise<number>>();

@QueryHandler(ListTargetsQuery)
class ListTargetsStandIn {
  execute = () => listTargets();
}

@QueryHandler(CountSessionsQuery)
class CountSessionsStandIn {
  execute = async () => ({
    active: await countSessions(),
    waiting: { redis: 4, memory: 0 },
    setAside: { redis: 1, memory: 0 },
  });
}

@Global()
@Module({
  providers: [{ provide: LiveConfig, useValue: new LiveConfig(routerConfigSchema.parse({}), null) }],
  exports: [LiveConfig],
})
class ConfigStandIn {}

@Global()
@Module({
  providers: [
    { provide: RedisConnection, useFactory: () => new RedisConnection(routerConfigSchema.parse({}).redis) },
    { provide: AzureTables, useFactory: () => new AzureTables(routerConfigSchema.parse({}).tables) },
    { provide: SqliteFile, useFactory: () => new SqliteFile(join(mkdtempSync(join(folder, 'data-')), 'router.db')) },
  ],
  exports: [RedisConnection, AzureTables, SqliteFile],
})
class StoresStandIn implements OnApplicationShutdown {
  constructor(private readonly file: SqliteFile) {}

  onApplicationShutdown(): void {
    this.file.close();
  }
}

const NOTHING_CAME = { route: null, usage: null, costUsd: null };
let scopes: readonly Scope[] = [];

/** Stands in for the guard of module identity. */
const signIn: CanActivate = {
  canActivate(context: ExecutionContext): boolean {
    context.switchToHttp().getRequest().caller = { ...LOOPBACK_CALLER, tenant: 'acme', scopes };
    return true;
  },
};

describe('TelemetryModule', () => {
  let app: NestFastifyApplication;
  let lines: string[];

  beforeEach(async () => {
    lines = [];
    listTargets.mockResolvedValue([{ id: 'cloud', breaker: 'half_open' } as TargetStatus]);
    countSessions.mockResolvedValue(3);
    const module = await Test.createTestingModule({
      imports: [CqrsModule, ConfigStandIn, StoresStandIn, TelemetryModule.with(routerConfigSchema.parse({}))],
      providers: [ListTargetsStandIn, CountSessionsStandIn],
    }).compile();
    const logger = createJsonLogger({ write: (line) => void lines.push(line), flush: async () => undefined }, 'info');
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger });
    useRequestEnds(app.getHttpAdapter().getInstance());
    useIncomingTraces(app.getHttpAdapter().getInstance(), new LiveConfig(routerConfigSchema.parse({}), null));
    app.useGlobalGuards(signIn);
    await app.listen(0, '127.0.0.1');
  });

  afterEach(() => app.close());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const get = (path: string) => request(app.getHttpServer()).get(path);
  const publish = (event: object) => app.get(EventBus).publish(event);
  const requestLines = () => lines.map((line) => JSON.parse(line)).filter(({ context }) => context === 'requests');

  it('counts requests, decisions, tokens, cost and times', async () => {
    publish(completed());
    const { text, headers } = await get('/metrics').expect(200);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const line of [
      'router_requests_total{model="auto",target="cloud",status="200"} 1',
      'router_decisions_total{strategy="hybrid",target="cloud",reason="rule_complex"} 1',
      'router_cache_total{result="MISS"} 1',
      'router_tokens_total{model="auto",target="cloud",type="prompt"} 10',
      'router_tokens_total{model="auto",target="cloud",type="completion"} 20',
      'router_cost_usd_total{model="auto",target="cloud"} 0.5',
      'router_response_seconds_sum{model="auto",target="cloud"} 1.5',
      'router_ttft_seconds_sum{model="auto",target="cloud"} 0.25',
      'router_overhead_seconds_sum 0.0004',
      'router_breaker_state{target="cloud"} 1',
      'router_active_sessions 3',
      'router_outbox_depth{store="redis"} 4',
      'router_outbox_depth{store="memory"} 0',
      'router_outbox_set_aside{store="redis"} 1',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  it('counts a cache hit as a request without a decision', async () => {
    publish(
      completed({
        pays: false,
        cache: { result: 'HIT', bypass: null, isRenewal: false, savedUsd: 0.5, savedMs: 1500 },
      }),
    );
    const { text } = await get('/metrics');
    expect(text).toContain('router_requests_total{model="auto",target="cloud",status="200"} 1\n');
    expect(text).toContain('router_cache_total{result="HIT"} 1\n');
    expect(text).toContain('router_cache_saved_usd_total 0.5\n');
    expect(text).toContain('router_cache_saved_seconds_total 1.5\n');
    expect(text).not.toContain('router_decisions_total{');
  });

  it('has a closed set of labels', async () => {
    publish(completed({ requestedModel: 'made-up' }));
    const { text } = await get('/metrics');
    expect(text).toContain('router_requests_total{model="other",target="cloud",status="200"} 1\n');
    expect(text).not.toMatch(/made-up|alice|acme/);
  });

  it('counts every attempt, and each step to another target as a fallback', async () => {
    const attempts = [
      { target: 'a', startedAt: 0, outcome: 'server_error' as const, ms: 1 },
      { target: 'a', startedAt: 0, outcome: 'timeout' as const, ms: 5 },
      { target: 'b', startedAt: 0, outcome: 'ok' as const, ms: 2 },
    ];
    publish(completed({ attempts }));
    const { text } = await get('/metrics');
    expect(text).toContain('router_fallbacks_total{from="a",to="b",why="timeout"} 1\n');
    expect(text.match(/^router_fallbacks_total\{/gm)).toHaveLength(1);
    expect(text).toContain('router_attempts_total{target="a",outcome="server_error"} 1\n');
    expect(text).toContain('router_attempts_total{target="a",outcome="timeout"} 1\n');
    expect(text).toContain('router_attempts_total{target="b",outcome="ok"} 1\n');
  });

  it('answers a scrape without the gauges that cannot be read', async () => {
    await get('/metrics').expect(200);
    listTargets.mockRejectedValue(new Error('away'));
    countSessions.mockReturnValue(new Promise(() => undefined));
    const clock = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 1_000); // what was read is old
    const { text } = await get('/metrics').expect(200);
    clock.mockRestore();
    expect(text).not.toMatch(/^router_(breaker_state|active_sessions)[ {]/m);
  });

  it('shows the own tenant to admins and every tenant to operators', async () => {
    publish(completed());
    publish(
      completed({ caller: { ...LOOPBACK_CALLER, tenant: 'zeta' }, outcome: 'failed', status: 502, ...NOTHING_CAME }),
    );
    const nothing = { cached_tokens: 0, saved_usd: 0, unpriced_requests: 0 };
    const acme = { tenant: 'acme', requests: 1, prompt_tokens: 10, completion_tokens: 20, cost_usd: 0.5, ...nothing };
    const zeta = { tenant: 'zeta', requests: 1, prompt_tokens: 0, completion_tokens: 0, cost_usd: 0, ...nothing };
    const data = async (query = '') => (await get(`/admin/usage${query}`).expect(200)).body.data;
    scopes = ['admin'];
    expect(await data()).toEqual([acme]);
    expect(await data('?tenant=acme')).toEqual([acme]);
    scopes = ['admin', 'operator'];
    expect(await data()).toEqual([acme, zeta]);
    expect(await data('?tenant=zeta')).toEqual([zeta]);
  });

  it('writes one line per request, a moment after its end', async () => {
    publish(completed());
    await setTimeout(50);
    const requests = requestLines();
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ level: 'info', msg: 'request', request_id: 'r1', tenant: 'acme' });
  });

  it('has written the lines of all that ended when the process ends, and so has a shutdown', async () => {
    publish(completed());
    process.listeners('exit')[0]?.(0);
    expect(requestLines()).toHaveLength(1);
    const before = process.listenerCount('exit');
    publish(completed({ requestId: 'r2' }));
    await app.close();
    expect(requestLines()).toHaveLength(2);
    expect(process.listenerCount('exit')).toBe(before - 1);
    app.get(RecordChatCompletedHandler).handle(completed({ requestId: 'r3' }));
    expect(requestLines()).toHaveLength(3);
  });

  it('one request that cannot be recorded takes no other along, and is told', async () => {
    publish(completed({ attempts: null as never, requestId: 'r1' }));
    publish(completed({ requestId: 'r2' }));
    await setTimeout(50);
    expect(requestLines()).toMatchObject([
      { level: 'error', request_id: 'r1', msg: 'a request could not be recorded' },
      { level: 'info', request_id: 'r2', msg: 'request' },
    ]);
  });

  it('documents its routes', () => {
    const { paths } = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    expect(Object.keys(paths['/admin/usage']?.get?.responses ?? {})).toEqual(['200', '400', '401', '403', '503']);
    expect(JSON.stringify(paths['/metrics'])).toContain('text/plain');
  });
});

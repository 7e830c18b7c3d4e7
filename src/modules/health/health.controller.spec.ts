import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Global, Module } from '@nestjs/common';
import { CommandBus, CqrsModule, QueryHandler } from '@nestjs/cqrs';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { LiveConfig } from '../../common/config/live-config.js';
import type { TargetStatus } from '../../common/target.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import {
  CheckSessionStoresQuery,
  CountSessionsQuery,
  type SessionCounts,
  type SessionStoreChecks,
} from '../session/session.messages.js';
import { BeginDrainCommand } from './health.messages.js';
import { HealthModule } from './health.module.js';

const target = (id: string, breaker: TargetStatus['breaker'], simulated = false) =>
  ({
    id,
    tier: id === 'cloud' ? 'cloud' : 'local',
    breaker,
    simulated,
    slots: { inFlight: 2, queued: 1 },
  }) as TargetStatus;

const listTargets = jest.fn<() => Promise<readonly TargetStatus[]>>();
const EMBEDDED: SessionStoreChecks = {
  durable: true,
  sessions: { healthy: true, detail: 'SQLite' },
  redis: null,
  cosmos: null,
  tables: null,
};
const checkSessions = jest.fn<() => Promise<SessionStoreChecks>>();

@QueryHandler(ListTargetsQuery)
class ListTargetsStandIn {
  execute = () => listTargets();
}

@QueryHandler(CheckSessionStoresQuery)
class CheckSessionStoresStandIn {
  execute = () => checkSessions();
}

const NONE = { redis: null, memory: 0 };
const countSessions = jest.fn<() => Promise<SessionCounts>>();

@QueryHandler(CountSessionsQuery)
class CountSessionsStandIn {
  execute = () => countSessions();
}

const sessions = { requireDurable: false };

@Global()
@Module({ providers: [{ provide: LiveConfig, useValue: { current: { sessions } } }], exports: [LiveConfig] })
class ConfigStub {}

describe('health and readiness', () => {
  let app: NestFastifyApplication;
  const log = { log: jest.fn(), error: jest.fn(), warn: jest.fn() };

  beforeEach(async () => {
    sessions.requireDurable = false;
    listTargets.mockResolvedValue([target('local', 'closed'), target('cloud', 'open')]);
    checkSessions.mockResolvedValue(EMBEDDED);
    countSessions.mockResolvedValue({ active: 1, waiting: { redis: 3, memory: 0 }, setAside: NONE });
    const module = await Test.createTestingModule({
      imports: [ConfigStub, CqrsModule, HealthModule],
      providers: [ListTargetsStandIn, CheckSessionStoresStandIn, CountSessionsStandIn],
    }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: log });
    await app.listen(0, '127.0.0.1');
  });

  afterEach(async () => {
    await app.close();
    jest.resetAllMocks();
  });

  const get = (path: string) => request(app.getHttpServer()).get(path);

  it('is alive without asking anybody', async () => {
    const answer = await get('/health').expect(200, { status: 'ok' });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(listTargets).not.toHaveBeenCalled();
  });

  it('is ready when a target can answer', async () => {
    const answer = await get('/ready').expect(200);
    const disabled = { status: 'disabled', detail: expect.any(String) };
    expect(answer.body).toEqual({
      status: 'ready',
      checks: {
        router: { status: 'up' },
        targets: { status: 'up', detail: '1 of 2 targets can answer (1 with an open breaker)' },
        sessions: { status: 'up', detail: 'SQLite' },
        redis: disabled,
        cosmos: disabled,
        tables: disabled,
      },
    });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('says how many are simulated, and names none', async () => {
    listTargets.mockResolvedValue([target('sim', 'half_open', true)]);
    const { body } = await get('/ready').expect(200);
    expect(body.checks.targets.detail).toBe('1 of 1 targets can answer; 1 simulated');
  });

  it.each<[string, TargetStatus[]]>([
    ['drained or open', [target('a', 'drained'), target('b', 'open')]],
    ['missing', []],
  ])('is unready when all targets are %s, without a line in the log', async (_, targets) => {
    listTargets.mockResolvedValue(targets);
    const answer = await get('/ready').expect(503);
    expect(answer.body).toMatchObject({ status: 'unready', checks: { targets: { status: 'down' } } });
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    expect(log.error).not.toHaveBeenCalled();
  });

  describe('where turns must be durable', () => {
    const full = { healthy: false, detail: 'the disk is full' };
    beforeEach(() => void (sessions.requireDurable = true));

    it('is unready when no store can keep a turn', async () => {
      checkSessions.mockResolvedValue({ ...EMBEDDED, durable: false, sessions: full });
      const { body } = await get('/ready').expect(503);
      expect(body).toMatchObject({
        status: 'unready',
        checks: { sessions: { status: 'down', detail: 'no store can keep a turn: the disk is full' } },
      });
    });

    it('is unready when no store says anything', async () => {
      checkSessions.mockRejectedValue(new Error('10.0.0.8'));
      const { body } = await get('/ready').expect(503);
      expect(body.checks.sessions.detail).toBe('no store can keep a turn: the check failed');
    });

    it('is degraded while the outbox can', async () => {
      checkSessions.mockResolvedValue({ ...EMBEDDED, sessions: full });
      const { body } = await get('/ready').expect(200);
      expect(body).toMatchObject({ status: 'degraded', checks: { sessions: { status: 'down' } } });
    });
  });

  it('is degraded when sessions cannot be stored', async () => {
    checkSessions.mockResolvedValue({
      ...EMBEDDED,
      durable: false,
      sessions: { healthy: false, detail: 'the disk is full' },
    });
    const { body } = await get('/ready').expect(200);
    expect(body).toMatchObject({
      status: 'degraded',
      checks: { sessions: { status: 'down', detail: 'the disk is full' } },
    });
  });

  it('names every configured store, and is degraded while one is away', async () => {
    checkSessions.mockResolvedValue({
      durable: true,
      sessions: { healthy: true, detail: 'Cosmos DB' },
      redis: { healthy: false, detail: 'not connected' },
      cosmos: { healthy: true, detail: 'Cosmos DB' },
      tables: null,
    });
    const { body } = await get('/ready').expect(200);
    expect(body).toMatchObject({
      status: 'degraded',
      checks: {
        redis: { status: 'down', detail: 'not connected' },
        cosmos: { status: 'up' },
        tables: { status: 'disabled' },
      },
    });
  });

  it('takes a query that rejects as down and hides why', async () => {
    listTargets.mockRejectedValue(new Error('connect ECONNREFUSED 10.0.0.7'));
    checkSessions.mockRejectedValue(new Error('10.0.0.8'));
    const { body } = await get('/ready').expect(503);
    expect(body.checks).toMatchObject({
      targets: { status: 'down', detail: 'the check failed' },
      sessions: { status: 'down', detail: 'the check failed' },
    });
  });

  it('answers within its deadline when a query hangs', async () => {
    checkSessions.mockReturnValue(new Promise(() => undefined));
    const { body } = await get('/ready').expect(200);
    expect(body).toMatchObject({ status: 'degraded', checks: { sessions: { status: 'down' } } });
    expect(body.checks.sessions.detail).toContain('500ms');
  });

  it('is not ready any more once draining, but alive', async () => {
    await get('/ready').expect(200);
    await app.get(CommandBus).execute(new BeginDrainCommand());
    const answer = await get('/ready').expect(503);
    expect(answer.body).toMatchObject({ status: 'draining', checks: { targets: { status: 'up' } } });
    expect(answer.headers['retry-after']).toBeDefined();
    await get('/health').expect(200);
  });

  describe('for people', () => {
    const away = {
      ...EMBEDDED,
      redis: { healthy: false, detail: 'not connected', at: Date.now() - 400, tookMs: 250.04 },
    };

    it('says when each part was looked at, since when it is as it is, and what failed last', async () => {
      checkSessions.mockResolvedValue(away);
      const during = await get('/ready?verbose').expect(200);
      expect(during.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(during.headers['cache-control']).toBe('no-store');
      expect(during.text).toContain('\n  "checks": {\n');
      const { redis } = during.body.checks;
      expect(redis).toMatchObject({ status: 'down', detail: 'not connected', took_ms: 250 });
      expect(redis.last_error).toEqual({ at: redis.checked_at, detail: 'not connected' });
      expect(redis.age_ms).toBeGreaterThanOrEqual(400);
      checkSessions.mockResolvedValue({ ...EMBEDDED, redis: { healthy: true, detail: 'Redis', at: Date.now() } });
      const after = (await get('/ready?verbose').expect(200)).body.checks.redis;
      expect(after).toMatchObject({ status: 'up', last_error: redis.last_error });
      expect(Date.parse(after.since)).toBeGreaterThan(Date.parse(redis.since));
      const later = (await get('/ready?verbose').expect(200)).body.checks.redis;
      expect(later.since).toBe(after.since);
    });

    it('counts targets by tier, and names neither them nor the machine', async () => {
      const { body, text } = await get('/ready?verbose').expect(200);
      const none = { closed: 0, half_open: 0, open: 0, drained: 0 };
      expect(body.targets).toEqual({
        local: { targets: 1, breakers: { ...none, closed: 1 }, simulated: 0, in_flight: 2, queued: 1 },
        cloud: { targets: 1, breakers: { ...none, open: 1 }, simulated: 0, in_flight: 2, queued: 1 },
      });
      expect(body.outboxes).toEqual({ waiting: { redis: 3, memory: 0 }, set_aside: NONE });
      expect(body.process).toEqual({
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        replica: expect.stringMatching(/^[0-9a-f]{12}$/),
        started_at: expect.stringMatching(/Z$/),
        uptime_seconds: expect.any(Number),
        event_loop_stall_ms: expect.any(Number),
      });
      expect(text).not.toContain(hostname());
    });

    it('answers within its deadline when everybody hangs', async () => {
      const never = new Promise<never>(() => undefined);
      for (const ask of [checkSessions, listTargets, countSessions]) ask.mockReturnValue(never);
      const begunAt = performance.now();
      const { body } = await get('/ready?verbose').expect(503);
      expect(performance.now() - begunAt).toBeLessThan(800);
      expect(body).toMatchObject({ status: 'unready', targets: null, outboxes: null });
      expect(body.checks.router.status).toBe('up');
    });

    it('is told as the short form is: draining, 503, retry-after', async () => {
      await app.get(CommandBus).execute(new BeginDrainCommand());
      const { body, headers } = await get('/ready?verbose').expect(503);
      expect(body.status).toBe('draining');
      expect(headers['retry-after']).toBeDefined();
    });

    it.each(['?verbose=1', '?verbose=true', '?verbose=anything', '?verbose&verbose', '?x=1&verbose'])(
      'is %s',
      async (asked) => {
        expect((await get(`/ready${asked}`).expect(200)).body.process).toBeDefined();
      },
    );

    it.each(['?verbose=false', '?verbose=0', '?VERBOSE=1', '?x=1', '?verbose[a]=1', '?', '?&&=%zz'])(
      'is not %s, which no prober is refused for',
      async (asked) => {
        expect(Object.keys((await get(`/ready${asked}`).expect(200)).body)).toEqual(['status', 'checks']);
      },
    );
  });

  it('documents both routes with examples', () => {
    const { paths } = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    expect(Object.keys(paths['/health']?.get?.responses ?? {})).toEqual(['200']);
    expect(Object.keys(paths['/ready']?.get?.responses ?? {})).toEqual(['200', '503']);
    expect(JSON.stringify(paths['/ready'])).toContain('"example":{"status":"unready"');
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { jest } from '@jest/globals';
import request from 'supertest';
import { callerOf, sentTurn, startSessionApp } from '../../../test/contract/session-app.js';
import {
  AppendTurnCommand,
  CheckSessionStoresQuery,
  CountSessionsQuery,
  LoadConversationQuery,
  type Turn,
} from './session.messages.js';

const ACME = callerOf('acme');

describe('module session', () => {
  let folder: string;
  let app: NestFastifyApplication;

  const start = async () => {
    app = await startSessionApp();
  };
  const append = (sessionId: string, n: number, changes: Partial<Turn> = {}, caller = ACME) =>
    app.get(CommandBus).execute(new AppendTurnCommand({ caller, sessionId, turn: sentTurn(n, changes) }));
  const load = async (sessionId: string, caller = ACME) =>
    (await app.get(QueryBus).execute(new LoadConversationQuery(caller, sessionId))).turns.map((turn) => turn.requestId);
  const get = (path: string) => request(app.getHttpServer()).get(path);
  const del = (path: string) => request(app.getHttpServer()).delete(path);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'router-session-'));
    process.env['ROUTER_DATA_DIR'] = join(folder, 'data');
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    await start();
  });
  afterEach(async () => {
    await app.close();
    delete process.env['ROUTER_DATA_DIR'];
    rmSync(folder, { recursive: true, force: true });
    jest.restoreAllMocks();
  });

  describe('conversations', () => {
    it('loads the newest turns, oldest first, from memory and again after a restart', async () => {
      for (const n of [1, 2, 3, 4]) expect(await append('s', n)).toEqual({ persisted: true });
      expect(await load('s')).toEqual(['req-2', 'req-3', 'req-4']);
      await app.close();
      await start();
      expect(await load('s')).toEqual(['req-2', 'req-3', 'req-4']);
      await append('s', 5);
      expect(await load('s')).toEqual(['req-3', 'req-4', 'req-5']);
    });

    it('is empty for an unknown session and for the session of another tenant', async () => {
      await append('s', 1);
      expect(await load('unknown')).toEqual([]);
      expect(await load('s', callerOf('globex'))).toEqual([]);
    });

    it('keeps a turn over 1.5 MB in memory only', async () => {
      const messages = [{ role: 'user', content: 'x'.repeat(1_600_000) }];
      expect(await append('s', 1, { messages })).toEqual({ persisted: false });
      expect(await load('s')).toEqual(['req-1']);
      expect((await get('/v1/sessions/s').expect(200)).body.turns).toHaveLength(1);
      await app.close();
      await start();
      expect(await load('s')).toEqual([]);
    });

    it('counts the sessions that had a turn lately', async () => {
      await append('a', 1);
      await append('a', 2);
      await append('b', 1, {}, callerOf('globex'));
      expect((await app.get(QueryBus).execute(new CountSessionsQuery())).active).toBe(2);
      await del('/v1/sessions/a').expect(200);
      expect((await app.get(QueryBus).execute(new CountSessionsQuery())).active).toBe(1);
      jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_601_000);
      expect((await app.get(QueryBus).execute(new CountSessionsQuery())).active).toBe(0);
    });
  });

  describe('GET /v1/sessions', () => {
    it('is an empty list at first', async () => {
      const { body } = await get('/v1/sessions').expect(200);
      expect(body).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false });
    });

    it('pages, newest first', async () => {
      const clock = jest.spyOn(Date, 'now');
      const base = Date.parse('2026-11-23T09:00:00.000Z');
      for (let n = 0; n < 25; n += 1) {
        clock.mockReturnValue(base + n);
        await append(`s${n}`, n);
      }
      const first = (await get('/v1/sessions').expect(200)).body;
      expect(first.data).toHaveLength(20);
      expect(first).toMatchObject({ first_id: 's24', last_id: 's5', has_more: true });
      expect(first.data[0]).toEqual({
        id: 's24',
        title: 'question 24',
        created_at: '2026-11-23T09:00:00.024Z',
        updated_at: '2026-11-23T09:00:00.024Z',
        turn_count: 1,
        cost_usd: 0.25,
      });
      const second = (await get('/v1/sessions?after=s5').expect(200)).body;
      expect(second).toMatchObject({ first_id: 's4', last_id: 's0', has_more: false });
      const oldest = (await get('/v1/sessions?order=asc&limit=2').expect(200)).body;
      expect(oldest).toMatchObject({ first_id: 's0', last_id: 's1', has_more: true });
    });

    it('shows nothing of another tenant, not even as a place to go on from', async () => {
      await append('s', 1);
      const { body } = await get('/v1/sessions').set('x-test-tenant', 'globex').expect(200);
      expect(body.data).toEqual([]);
      await get('/v1/sessions?after=s').set('x-test-tenant', 'globex').expect(400);
    });

    it.each([
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['limit=ten', 'limit'],
      ['limit=1.5', 'limit'],
      ['order=newest', 'order'],
      ['after=unknown', 'after'],
      ['after=a%2Fb', 'after'],
    ])('refuses ?%s', async (query, param) => {
      const { body } = await get(`/v1/sessions?${query}`).expect(400);
      expect(body.error).toMatchObject({ code: 'invalid_request', param });
    });
  });

  describe('one session', () => {
    it('is read whole, more than one store page and more than sessions.maxTurns', async () => {
      for (let n = 0; n < 230; n += 1) await append('s', n);
      const { body } = await get('/v1/sessions/s').expect(200);
      expect(body.turns.map((turn: { request_id: string }) => turn.request_id)).toEqual(
        Array.from({ length: 230 }, (_, n) => `req-${n}`),
      );
      expect(body).toMatchObject({ id: 's', title: 'question 0' });
      expect(body.turns[1]).toEqual({
        id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        request_id: 'req-1',
        messages: sentTurn(1).messages,
        target: 'local',
        tier: 'local',
        model: 'llama3.2',
        simulated: false,
        usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
        cost_usd: 0.25,
        latency_ms: 100,
      });
    });

    it('may have an id of 128 characters', async () => {
      const id = 'Az09._:-'.repeat(16);
      await append(id, 1);
      expect((await get(`/v1/sessions/${id}`).expect(200)).body.id).toBe(id);
      expect((await get(`/v1/sessions?after=${id}`).expect(200)).body.data).toEqual([]);
    });

    it('has insights', async () => {
      await append('s', 1);
      await append('s', 3, { target: 'gpt', fallback: true, costUsd: null });
      const { body } = await get('/v1/sessions/s/insights').expect(200);
      expect(body).toEqual({
        turns: 2,
        model_switches: 1,
        targets: { local: { turns: 1, share: 0.5 }, gpt: { turns: 1, share: 0.5 } },
        latency_ms: { avg: 200, p50: 100, p95: 300, min: 100, max: 300 },
        usage: { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 },
        cost_usd: null,
        cache_hits: 0,
        fallbacks: 1,
      });
    });

    it('is exported as one file', async () => {
      await append('a:b', 1);
      const { body, headers } = await get('/v1/sessions/a:b/export').expect(200);
      expect(headers['content-disposition']).toBe('attachment; filename="session-a_b.json"');
      expect(body).toMatchObject({ object: 'session.export', session: { id: 'a:b' }, insights: { turns: 1 } });
      expect(body.session).toEqual((await get('/v1/sessions/a:b')).body);
    });

    it('is erased everywhere', async () => {
      await append('s', 1);
      await load('s');
      const { body } = await del('/v1/sessions/s').expect(200);
      expect(body).toEqual({ id: 's', object: 'session.deleted', deleted: true });
      expect(await load('s')).toEqual([]);
      expect((await get('/v1/sessions')).body.data).toEqual([]);
      await get('/v1/sessions/s').expect(404);
      await del('/v1/sessions/s').expect(404);
    });

    it.each([
      ['get', '/v1/sessions/s'],
      ['get', '/v1/sessions/s/insights'],
      ['get', '/v1/sessions/s/export'],
      ['delete', '/v1/sessions/s'],
    ] as const)("answers %s %s of another tenant's session with 404 and leaves it alone", async (method, path) => {
      await append('s', 1);
      const server = app.getHttpServer();
      const { body } = await request(server)[method](path).set('x-test-tenant', 'globex').expect(404);
      expect(body.error).toMatchObject({ code: 'session_not_found', type: 'not_found_error' });
      await get('/v1/sessions/s').expect(200);
      expect(await load('s')).toEqual(['req-1']);
    });

    it.each(['/v1/sessions/a%20b', `/v1/sessions/${'x'.repeat(129)}`, '/v1/sessions/a%2Fb/insights'])(
      'refuses %s',
      async (path) => {
        const { body } = await get(path).expect(400);
        expect(body.error).toMatchObject({ code: 'invalid_request', param: 'id' });
      },
    );
  });

  describe('without a usable database', () => {
    beforeEach(async () => {
      await app.close();
      rmSync(join(folder, 'data'), { recursive: true });
      writeFileSync(join(folder, 'data'), 'in the way');
      await start();
    });

    it('remembers in memory and says that it did not persist', async () => {
      expect(await append('s', 1)).toEqual({ persisted: false });
      expect(await append('s', 2)).toEqual({ persisted: false });
      expect(await load('s')).toEqual(['req-1', 'req-2']);
      const check = await app.get(QueryBus).execute(new CheckSessionStoresQuery());
      expect(check).toMatchObject({
        sessions: { healthy: false, detail: expect.stringContaining('SQLite') },
        redis: null,
      });
    });

    it('shows what it has and is honest about the rest', async () => {
      await append('s', 1);
      expect((await get('/v1/sessions/s').expect(200)).body).toMatchObject({ id: 's', title: 'question 1' });
      for (const path of ['/v1/sessions', '/v1/sessions/unknown']) {
        const { body, headers } = await get(path).expect(503);
        expect(body.error.code).toBe('overloaded');
        expect(headers['retry-after']).toBe('5');
      }
      await del('/v1/sessions/s').expect(503);
      expect(await load('s')).toEqual([]);
    });
  });

  it('documents every route with its parameters, answers and errors', () => {
    const { paths } = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    const list = paths['/v1/sessions']?.get;
    expect(list?.parameters?.map((parameter) => 'name' in parameter && parameter.name)).toEqual([
      'limit',
      'after',
      'order',
    ]);
    const one = paths['/v1/sessions/{id}'];
    for (const operation of [
      one?.get,
      one?.delete,
      paths['/v1/sessions/{id}/insights']?.get,
      paths['/v1/sessions/{id}/export']?.get,
    ]) {
      expect(Object.keys(operation?.responses ?? {})).toEqual(['200', '400', '401', '403', '404', '429', '503']);
      expect(operation?.parameters).toMatchObject([{ name: 'id', in: 'path', required: true }]);
    }
  });
});

import { createHash } from 'node:crypto';
import { Controller, Get, Global, Module, type INestApplication } from '@nestjs/common';
import { CommandHandler, CqrsModule, type ICommandHandler } from '@nestjs/cqrs';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import type { Caller } from '../../common/caller.js';
import { routerConfigSchema, type RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { CurrentCaller, Public, RequireScope } from '../../common/http/access.decorators.js';
import { ErrorFilter } from '../../common/http/error.filter.js';
import { CountAddressCommand } from '../quota/quota.messages.js';
import { credentialOf } from './credential.js';
import { mayEnter } from './front-door.js';
import { IdentityModule } from './identity.module.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const key = (user: string, scopes: string[] = ['chat']) => ({
  id: user,
  sha256: sha256(`key-of-${user}`),
  tenant: 'acme',
  user,
  scopes,
});
const configOf = (auth: object, rest: object = {}): RouterConfig => routerConfigSchema.parse({ auth, ...rest });
const TEAM = { keys: [key('alice'), key('bob'), key('ada', ['admin']), key('otto', ['operator'])] };

@Controller()
class RoomController {
  @Get('chat')
  chat(@CurrentCaller() caller: Caller) {
    return caller;
  }

  @Get('admin')
  @RequireScope('admin')
  admin(@CurrentCaller() caller: Caller) {
    return caller;
  }

  @Get('public')
  @Public()
  open() {
    return { open: true };
  }
}

/** In place of module quota: nothing is limited. */
@CommandHandler(CountAddressCommand)
class CountAddressStub implements ICommandHandler<CountAddressCommand> {
  async execute(): Promise<void> {
    return;
  }
}

const apps: INestApplication[] = [];

async function serve(config: RouterConfig) {
  const live = new LiveConfig(config, null);
  @Global()
  @Module({ providers: [{ provide: LiveConfig, useValue: live }], exports: [LiveConfig] })
  class ConfigModule {}
  const built = await Test.createTestingModule({
    imports: [ConfigModule, CqrsModule.forRoot(), IdentityModule],
    controllers: [RoomController],
    providers: [CountAddressStub],
  }).compile();
  const app = built.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  app.useGlobalFilters(new ErrorFilter());
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  return { live, app, http: request(app.getHttpServer()) };
}

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

describe('a service with keys', () => {
  it.each([
    ['authorization', 'Bearer key-of-alice'],
    ['authorization', 'bearer   key-of-alice'],
    ['x-api-key', 'key-of-alice'],
    ['api-key', 'key-of-alice'],
  ])('takes a key in %s: %s', async (header, value) => {
    const { http } = await serve(configOf(TEAM));
    const answer = await http.get('/chat').set(header, value).expect(200);
    expect(answer.body).toMatchObject({ tenant: 'acme', user: 'alice', scopes: ['chat'] });
  });

  it.each<[string, Record<string, string>]>([
    ['no header', {}],
    ['an unknown key', { authorization: 'Bearer nobody' }],
    ['the digest for the key', { authorization: `Bearer ${sha256('key-of-alice')}` }],
    ['an empty Bearer', { authorization: 'Bearer ' }],
    ['a bare key', { authorization: 'key-of-alice' }],
    ['another scheme', { authorization: 'Basic key-of-alice' }],
    ['another scheme beside a good key', { authorization: 'Basic YTpi', 'x-api-key': 'key-of-alice' }],
    ['an empty header beside a good one', { 'x-api-key': '', 'api-key': 'key-of-alice' }],
    ['two identities', { authorization: 'Bearer key-of-alice', 'x-api-key': 'key-of-bob' }],
    ['an identity of its own choice', { 'x-user': 'alice', 'x-tenant': 'acme' }],
    ['a long key', { 'x-api-key': 'k'.repeat(12_000) }],
  ])('answers 401 with the same words to %s', async (_, headers) => {
    const { http } = await serve(configOf(TEAM));
    const answer = await http.get('/chat').set(headers).expect(401);
    expect(answer.headers['www-authenticate']).toContain('Bearer');
    expect(answer.body).toEqual({
      error: {
        message: 'Missing or invalid API key. Send it as "Authorization: Bearer <key>", x-api-key or api-key.',
        type: 'authentication_error',
        param: null,
        code: 'invalid_api_key',
      },
    });
  });

  it('compares the whole digest', async () => {
    const lookalike = { ...key('eve'), sha256: sha256('guess').slice(0, 8).padEnd(64, '0') };
    const { http } = await serve(configOf({ keys: [lookalike] }));
    await http.get('/chat').set('x-api-key', 'guess').expect(401);
  });

  it('takes the same key twice as one', async () => {
    const { http } = await serve(configOf(TEAM));
    await http.get('/chat').set({ authorization: 'Bearer key-of-bob', 'api-key': 'key-of-bob' }).expect(200);
  });

  it('survives a key of a megabyte', async () => {
    const { http } = await serve(configOf(TEAM));
    const outcome = await http
      .get('/chat')
      .set('x-api-key', 'k'.repeat(1_000_000))
      .then(
        (answer) => answer.status,
        () => 431, // the server may hang up while the header is still being sent
      );
    expect(outcome).toBe(431);
    await http.get('/chat').set('x-api-key', 'key-of-alice').expect(200);
  });

  it.each([
    ['alice', '/chat', 200],
    ['alice', '/admin', 403],
    ['ada', '/admin', 200],
    ['ada', '/chat', 403],
    ['otto', '/admin', 200],
    ['otto', '/chat', 403],
  ])('lets %s into %s: %i', async (user, path, status) => {
    const { http } = await serve(configOf(TEAM));
    const answer = await http.get(path).set('x-api-key', `key-of-${user}`).expect(status);
    if (status === 403) expect(answer.body.error.code).toBe('permission_denied');
  });

  it('asks for nothing on a public route', async () => {
    const { http } = await serve(configOf(TEAM));
    await http.get('/public').set('authorization', 'Bearer wrong').expect(200);
  });

  it('lays the limits of a key over the general ones, field by field', async () => {
    const limited = { keys: [{ ...key('alice'), limits: { concurrent: 3 } }, key('bob')] };
    const { http } = await serve(
      configOf(limited, { limits: { requestsPerMinute: 7, alertSecret: 'whsec_'.padEnd(40, 'a') } }),
    );
    const limitsOf = async (user: string) =>
      (await http.get('/chat').set('x-api-key', `key-of-${user}`).expect(200)).body.limits;
    const general = {
      requestsPerMinute: 7,
      tokensPerMinute: 100_000,
      concurrent: 20,
      usdPerMonth: 50,
    };
    expect(await limitsOf('alice')).toEqual({ ...general, concurrent: 3 });
    expect(await limitsOf('bob')).toEqual(general);
  });

  it('follows a reload at once, keys and limits', async () => {
    const { http, live } = await serve(configOf(TEAM));
    await http.get('/chat').set('x-api-key', 'key-of-alice').expect(200);
    await live.replace(configOf({ keys: [key('carol')] }, { limits: { requestsPerMinute: 99 } }));
    await http.get('/chat').set('x-api-key', 'key-of-alice').expect(401);
    const answer = await http.get('/chat').set('x-api-key', 'key-of-carol').expect(200);
    expect(answer.body.limits.requestsPerMinute).toBe(99);
  });

  it('keeps two applications of one process apart', async () => {
    const first = await serve(configOf({ keys: [key('alice')] }));
    const second = await serve(configOf({ keys: [key('bob')] }));
    await first.http.get('/chat').set('x-api-key', 'key-of-alice').expect(200);
    await second.http.get('/chat').set('x-api-key', 'key-of-alice').expect(401);
  });

  it('does not choose between two values of one header', () => {
    expect(credentialOf({ 'api-key': ['key-of-bob', 'key-of-bob'] })).toBe('key-of-bob');
    expect(credentialOf({ 'api-key': ['key-of-bob', 'x'] })).toBeNull();
  });
});

describe('a service without keys', () => {
  it.each([{}, { authorization: 'Bearer sk-whatever' }, { authorization: 'Bearer ', 'x-api-key': 'other' }])(
    'takes everybody on a loopback host for the local user: %o',
    async (headers) => {
      const { http } = await serve(configOf({}));
      const answer = await http.get('/admin').set(headers).expect(200);
      expect(answer.body).toEqual({
        tenant: 'local',
        user: 'local',
        scopes: ['chat', 'admin', 'operator'],
        limits: {},
      });
    },
  );

  it('lets nobody in off loopback, whatever a reload says about the host', async () => {
    const { http, live } = await serve(configOf(TEAM, { server: { host: '0.0.0.0' } }));
    await live.replace(configOf({}, { server: { host: '127.0.0.1' } }));
    await http.get('/chat').expect(401);
  });

  it('closes the door when a reload brings keys', async () => {
    const { http, live } = await serve(configOf({}));
    await http.get('/chat').expect(200);
    await live.replace(configOf(TEAM));
    await http.get('/chat').expect(401);
  });
});

describe('scopes', () => {
  it.each([
    [['chat'], 'chat', true],
    [['admin'], 'chat', false],
    [['operator'], 'admin', true],
    [['admin'], 'operator', false],
    [[], 'chat', false],
  ] as const)('%j open %s: %s', (scopes, required, open) => expect(mayEnter(scopes, required)).toBe(open));
});

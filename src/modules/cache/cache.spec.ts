import { Global, Module } from '@nestjs/common';
import { CqrsModule, EventBus, QueryBus } from '@nestjs/cqrs';
import { Test } from '@nestjs/testing';
import type { Caller } from '../../common/caller.js';
import type { ChatFrame, ChatRequest, Completion } from '../../common/chat.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { ChatCompletedEvent, type ChatOutcome } from '../chat/chat.messages.js';
import { FindAnswerQuery, type CacheLookup } from './cache.messages.js';
import { CacheModule } from './cache.module.js';

const frame = (json: Completion): ChatFrame => ({ text: JSON.stringify(json), json });
const choice = (finish_reason: string | null, index = 0) => ({
  index,
  message: { role: 'assistant', content: 'Hi' },
  finish_reason,
});
const endingIn = (...reasons: (string | null)[]): ChatFrame => frame({ choices: reasons.map(choice) });
const ANSWER = endingIn('stop');

const alice: Caller = { tenant: 'acme', user: 'alice', scopes: ['chat'], limits: {} };
const bob: Caller = { ...alice, user: 'bob' };
const mallory: Caller = { ...alice, tenant: 'other' };
const question: ChatRequest = { model: 'auto', messages: [{ role: 'user', content: 'Hi' }] };

interface Ending {
  outcome?: ChatOutcome;
  status?: number;
  errorCode?: string | null;
  completion?: ChatFrame | null;
  answered?: boolean;
}

function completed(lookup: CacheLookup, ending: Ending = {}): ChatCompletedEvent {
  const { outcome = 'answered', status = 200, errorCode = null, completion = ANSWER, answered = true } = ending;
  const decided = { strategy: 'hybrid', reasonCode: 'rule_simple', fallback: false };
  const route = { target: 'local', tier: 'local' as const, model: 'm', simulated: false, ...decided };
  const timing = { totalMs: 1, overheadMs: 1, firstTokenMs: 1 };
  const cache = { result: lookup.result, key: lookup.key };
  const seen = {
    requestId: 'r1',
    caller: alice,
    requestedModel: 'auto',
    stream: false,
    sessionId: null,
    traceparent: null,
  };
  const taken = { usage: null, costUsd: null, billed: { tokens: 0, usd: 0 }, attempts: [], quotaLeaseId: null };
  const end = {
    outcome,
    status,
    errorCode,
    route: answered ? route : null,
    completion,
    persisted: null,
    timing,
    cache,
  };
  return new ChatCompletedEvent({ ...seen, ...taken, ...end });
}

async function cacheUnder(cache: object = {}) {
  const live = new LiveConfig(routerConfigSchema.parse({ cache }), null);
  @Global()
  @Module({ providers: [{ provide: LiveConfig, useValue: live }], exports: [LiveConfig] })
  class ConfigModule {}
  const app = await Test.createTestingModule({ imports: [ConfigModule, CqrsModule.forRoot(), CacheModule] }).compile();
  await app.init();
  const ask = (cacheControl?: string, caller = alice) =>
    app
      .get(QueryBus)
      .execute(new FindAnswerQuery({ caller, request: question, turns: [], strategy: null, cacheControl }));
  const finish = (lookup: CacheLookup, ending?: Ending) => app.get(EventBus).publish(completed(lookup, ending));
  return { ask, finish, live };
}

describe('cache over the buses', () => {
  it('remembers an answer and tells who gave it', async () => {
    const { ask, finish } = await cacheUnder();
    const first = await ask();
    expect(first).toMatchObject({ result: 'MISS', answer: null, key: expect.any(String) });
    finish(first);
    expect(await ask()).toEqual({
      result: 'HIT',
      key: first.key,
      answer: {
        completion: ANSWER,
        target: 'local',
        tier: 'local',
        model: 'm',
        simulated: false,
        usage: null,
      },
    });
  });

  it.each<[string, Ending]>([
    ['a failure', { outcome: 'failed', status: 502, errorCode: 'upstream_error' }],
    ['a cut stream', { outcome: 'cut' }],
    ['an aborted request', { outcome: 'aborted', status: 499 }],
    ['an error answer called answered', { status: 500 }],
    ['an answer of nobody', { answered: false }],
    ['nothing', { completion: null }],
    ['no choices', { completion: endingIn() }],
    ['a truncated answer', { completion: endingIn('length') }],
    ['a filtered answer', { completion: endingIn('content_filter') }],
    ['an unknown finish', { completion: endingIn('eos?') }],
    ['no finish', { completion: endingIn(null) }],
    ['one of two choices unfinished', { completion: endingIn('stop', null) }],
    ['one of two choices truncated', { completion: endingIn('length', 'stop') }],
    ['an error beside an answer', { completion: frame({ ...ANSWER.json, error: { message: 'no' } }) }],
  ])('never stores %s', async (_, ending) => {
    const { ask, finish } = await cacheUnder();
    finish(await ask(), ending);
    expect((await ask()).result).toBe('MISS');
  });

  it.each<[string, ChatFrame]>([
    ['tool calls', endingIn('tool_calls')],
    ['two choices', endingIn('stop', 'stop')],
  ])('stores %s', async (_, completion) => {
    const { ask, finish } = await cacheUnder();
    finish(await ask(), { completion });
    expect(await ask()).toMatchObject({ result: 'HIT', answer: { completion } });
  });

  it('neither reads nor stores under no-store', async () => {
    const { ask, finish } = await cacheUnder();
    finish(await ask());
    const lookup = await ask('no-store');
    expect(lookup).toEqual({ result: 'BYPASS', answer: null, key: null });
    finish(lookup, { completion: endingIn('tool_calls') });
    expect((await ask()).answer?.completion).toEqual(ANSWER);
  });

  it('refreshes under no-cache, and keeps the old answer when that fails', async () => {
    const { ask, finish } = await cacheUnder();
    finish(await ask());
    const lookup = await ask('no-cache');
    expect(lookup).toMatchObject({ result: 'BYPASS', answer: null, key: expect.any(String) });
    finish(lookup, { outcome: 'failed' });
    expect((await ask()).answer?.completion).toEqual(ANSWER);
    finish(lookup, { completion: endingIn('tool_calls') });
    expect((await ask()).answer?.completion).toEqual(endingIn('tool_calls'));
  });

  it('does not store a hit again', async () => {
    const { ask, finish } = await cacheUnder();
    finish(await ask());
    finish(await ask(), { completion: endingIn('tool_calls') });
    expect((await ask()).answer?.completion).toEqual(ANSWER);
  });

  it.each([
    ['user', 'MISS', 'MISS'],
    ['tenant', 'HIT', 'MISS'],
    ['global', 'HIT', 'HIT'],
  ])('scope %s: a colleague gets a %s, another tenant a %s', async (scope, colleague, stranger) => {
    const { ask, finish } = await cacheUnder({ scope });
    finish(await ask());
    expect((await ask(undefined, bob)).result).toBe(colleague);
    expect((await ask(undefined, mallory)).result).toBe(stranger);
  });

  it('is off when the configuration says so, from one request to the next', async () => {
    const { ask, finish, live } = await cacheUnder({ enabled: false });
    expect(await ask()).toEqual({ result: 'DISABLED', answer: null, key: null });
    await live.replace(routerConfigSchema.parse({}));
    const lookup = await ask();
    await live.replace(routerConfigSchema.parse({ cache: { enabled: false } }));
    finish(lookup);
    await live.replace(routerConfigSchema.parse({}));
    expect((await ask()).result).toBe('MISS');
  });

  it('forgets what model names meant before a reload', async () => {
    const { ask, finish, live } = await cacheUnder();
    finish(await ask());
    await live.replace(routerConfigSchema.parse({ targets: [{ id: 'sim', tier: 'cloud', provider: 'simulated' }] }));
    expect((await ask()).result).toBe('MISS');
  });
});

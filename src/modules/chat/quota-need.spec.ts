import { AccountBook } from '../../common/accounts.js';
import type { CallerLimits } from '../../common/caller.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { costUsd } from '../../common/cost.js';
import type { Usage } from '../../common/usage.js';
import { AnsweredPrices } from '../../common/prices/answered-prices.js';
import { quotaNeed } from './quota-need.js';

const target = (id: string, price: object | undefined, contextWindow = 8192) => ({
  id,
  tier: 'cloud',
  provider: 'simulated',
  model: id,
  contextWindow,
  ...(price ? { price } : {}),
});
const config = routerConfigSchema.parse({
  targets: [
    target('cheap', { input: 1, output: 2 }),
    target('dear', { input: 10, output: 100 }, 200_000),
    target('unpriced', undefined),
  ],
  models: [
    { name: 'small', targets: ['cheap', 'unpriced'] },
    { name: 'both', targets: ['cheap', 'dear'] },
  ],
});
/** 4 tokens of the message itself, 96 of its text. */
const messages = [{ role: 'user', content: 'x'.repeat(384) }];
const accountsWith = (limits: CallerLimits) =>
  new AccountBook({ tenants: {}, models: [] }).of({ tenant: 'acme', user: 'alice', scopes: ['chat'], limits }, null);
const accounts = accountsWith({ tokensPerMinute: 1, usdPerMonth: 1 });
const need = (request: object, withSession = false) =>
  quotaNeed(
    { request: { model: 'both', messages, ...request }, sessionId: withSession ? 's' : null, strategy: null },
    accounts,
    config,
    new AnsweredPrices(),
  );

describe('what a request may use at most', () => {
  it.each<[string, object, number]>([
    ['the dearest target that may answer', { max_tokens: 1000 }, (100 * 10 + 1000 * 100) / 1e6],
    ['of the model alone', { model: 'small', max_tokens: 1000 }, (100 * 1 + 1000 * 2) / 1e6],
    ['a target named directly', { model: 'cheap', max_completion_tokens: 1000 }, (100 * 1 + 1000 * 2) / 1e6],
    ['every answer asked for', { max_tokens: 1000, n: 3 }, (100 * 10 + 3000 * 100) / 1e6],
    ['no limit: the longest answer', {}, (100 * 10 + 32_768 * 100) / 1e6],
    ['no limit and a small window', { model: 'small' }, (100 * 1 + 8192 * 2) / 1e6],
    ['no price known', { model: 'unpriced' }, 0],
    ['a model nobody knows', { model: 'nothing' }, 0],
  ])('money: %s', (_, request, usd) => expect(need(request).usd).toBeCloseTo(usd, 12));

  it('sets money aside for a conversation it has not seen', () => {
    expect(need({ max_tokens: 0 }, true).usd - need({ max_tokens: 0 }).usd).toBeCloseTo(0.32768, 12);
  });

  describe('what some models are paid for besides', () => {
    const xai = { ...target('grok-4', undefined, 256_000), provider: 'openai', baseUrl: 'https://api.x.ai/v1' };
    const spoken = {
      ...target('gpt-audio', undefined, 128_000),
      ...{ provider: 'openai', baseUrl: 'https://api.openai.com/v1' },
    };
    const own = routerConfigSchema.parse({ targets: [xai, spoken] });
    const usd = (request: object, sessionId: string | null = null) =>
      quotaNeed(
        { request: { model: 'gpt-audio', messages, max_tokens: 1000, ...request }, sessionId, strategy: null },
        accounts,
        own,
        new AnsweredPrices(),
      ).usd;
    const audio = [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: '', format: 'wav' } }] }];
    const costOf = (id: string, usage: object) =>
      costUsd(usage as Usage, own.targets.find((one) => one.id === id)!.price!)!;

    it('reasoning tokens that no limit of the caller holds', () => {
      const reasoned = { ...{ prompt_tokens: 100, completion_tokens: 1000 }, total_tokens: 33_868 };
      expect(usd({ model: 'grok-4' })).toBeCloseTo(costOf('grok-4', reasoned), 9);
    });

    it('audio that is sent, or may be in the conversation, and audio that is asked for', () => {
      const counts = { prompt_tokens: 100, completion_tokens: 1000, total_tokens: 1100 };
      const silent = costOf('gpt-audio', counts);
      const answered = costOf('gpt-audio', { ...counts, completion_tokens_details: { audio_tokens: 1000 } });
      expect(usd({})).toBeCloseTo(silent, 9);
      expect(usd({ modalities: ['text', 'audio'] })).toBeCloseTo(answered, 4);
      const { audioInput, output } = own.targets[1]!.price!;
      expect(usd({ messages: audio })).toBeGreaterThanOrEqual((4 * audioInput! + 1000 * output) / 1e6);
      const before = (100 + 32_768) * audioInput!;
      expect(usd({}, 's')).toBeCloseTo((before + 1000 * output) / 1e6, 9);
    });
  });

  it('tokens: prompt, and the answer that is expected', () => {
    expect(need({ max_tokens: 50, n: 2 }).tokens).toBe(200);
    expect(need({}).tokens).toBe(1124);
  });

  it.each([{}, { concurrent: 1, requestsPerMinute: 1 }])('is not counted for a caller with the limits %j', (limits) => {
    const asked = { request: { model: 'both', messages }, sessionId: null, strategy: null };
    expect(quotaNeed(asked, accountsWith(limits), config, new AnsweredPrices())).toEqual({ tokens: 0, usd: 0 });
  });
});

import { AccountBook } from '../../common/accounts.js';
import type { CallerLimits } from '../../common/caller.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
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

  it('tokens: prompt, and the answer that is expected', () => {
    expect(need({ max_tokens: 50, n: 2 }).tokens).toBe(200);
    expect(need({}).tokens).toBe(1124);
  });

  it.each([{}, { concurrent: 1, requestsPerMinute: 1 }])('is not counted for a caller with the limits %j', (limits) => {
    const asked = { request: { model: 'both', messages }, sessionId: null, strategy: null };
    expect(quotaNeed(asked, accountsWith(limits), config, new AnsweredPrices())).toEqual({ tokens: 0, usd: 0 });
  });
});

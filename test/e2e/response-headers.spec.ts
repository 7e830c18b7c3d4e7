import { UpstreamServer } from '../support/upstream-server.js';
import { answer } from '../support/upstream-behaviours.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, openaiAt } from '../support/router-calls.js';
import { GENEROUS, keyFor, targetOn } from '../support/router-targets.js';

/** DESIGN section 4, with what a value must look like. */
const ALWAYS: Record<string, RegExp> = {
  'x-request-id': /^my-own-id$/,
  'x-router-target': /^small$/,
  'x-router-tier': /^local$/,
  'x-router-strategy': /^hybrid$/,
  'x-router-reason': /^rule_\w+$/,
  'x-router-score': /^0\.\d+$/,
  'x-router-attempts': /^1$/,
  'x-router-fallback': /^false$/,
  'x-router-cache': /^MISS$/,
  'x-router-overhead-ms': /^\d+(\.\d+)?$/,
  'x-ratelimit-limit-requests': /^100000$/,
  'x-ratelimit-remaining-requests': /^9999\d$/,
  'x-ratelimit-reset-requests': /^(\d+m)?\d+s$/,
  'x-ratelimit-limit-tokens': /^100000000$/,
  'x-ratelimit-remaining-tokens': /^9999\d+$/,
  'x-ratelimit-reset-tokens': /^(\d+m)?\d+s$/,
};
const PLAIN_ONLY: Record<string, RegExp> = {
  'x-router-cost-usd': /^0\.\d+$/,
  'x-router-persisted': /^true$/,
};

const misfits = (headers: Headers, wanted: Record<string, RegExp>) =>
  Object.entries(wanted).flatMap(([name, pattern]) => {
    const value = headers.get(name);
    return value !== null && pattern.test(value) ? [] : [`${name}: ${value}`];
  });

describe('response headers', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    upstream.always(answer('Paris.', { model: 'llama3.2-q4' }));
    const targets = [
      targetOn(upstream, { id: 'small', price: { input: 100, output: 200 } }),
      targetOn(upstream, { id: 'large', tier: 'cloud' }),
    ];
    router = await startRouter({ targets, limits: GENEROUS, auth: { keys: [keyFor('alice-key')] } });
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const headersOf = async (stream: boolean, question: string) => {
    const { client } = openaiAt(router.url, { apiKey: 'alice-key' });
    const response = await client.chat.completions
      .create(
        { model: 'auto', messages: ask(question), stream },
        { headers: { 'x-request-id': 'my-own-id', 'x-session-id': `${question.slice(-5, -1)}-${String(stream)}` } },
      )
      .asResponse();
    await response.text();
    return response.headers;
  };

  it('tells everything of DESIGN section 4 with a plain answer', async () => {
    expect(misfits(await headersOf(false, 'Capital of Peru?'), { ...ALWAYS, ...PLAIN_ONLY })).toEqual([]);
  });

  it.each([{ stream: false }, { stream: true }])(
    'names the model as its server names it, stream $stream',
    async ({ stream }) => {
      // the status line waits for the first token, and every frame names the model
      expect((await headersOf(stream, stream ? 'Capital of Mali?' : 'Capital of Laos?')).get('x-router-model')).toBe(
        'llama3.2-q4',
      );
    },
  );

  it('tells it with a streamed answer, apart from what is known only at the end', async () => {
    const headers = await headersOf(true, 'Capital of Chad?');
    expect(misfits(headers, ALWAYS)).toEqual([]);
    expect(Object.keys(PLAIN_ONLY).filter((name) => headers.has(name))).toEqual([]);
  });
});

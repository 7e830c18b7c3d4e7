import { FailoverPair } from '../support/failover-pair.js';
import { called, figure } from '../support/fault-row.js';
import { jsonOf, post } from '../support/router-calls.js';
import { answer, contextLengthExceeded } from '../support/upstream-behaviours.js';

const FORMS = [{ stream: true }, { stream: false }];

describe('an unknown context window', () => {
  let pair: FailoverPair;
  beforeAll(async () => {
    pair = await FailoverPair.start({}, { primary: { contextWindow: 8_192 } });
  });
  beforeEach(() => {
    pair.primary.reset();
    pair.fallback.reset();
  });
  afterAll(() => pair.close());

  it.each(FORMS)('F70 is tried once after context_length_exceeded, stream $stream', async (form) => {
    pair.primary.always(contextLengthExceeded);
    pair.fallback.always(answer('it fits here'));
    expect(await called(pair.router, form)).toMatchObject({ status: 200, text: 'it fits here' });
    expect(pair.calls).toEqual([1, 1]);
    pair.fallback.always(contextLengthExceeded);
    const refused = await called(pair.router, form);
    expect(refused).toMatchObject({ status: 400, error: { code: 'context_length_exceeded' } });
    expect(pair.calls).toEqual([2, 2]);
    figure('F70', `window unknown: tried once, then ${refused.status} ${refused.error?.code}`);
  });

  it('F70 takes no target out of a decision and cuts no conversation short', async () => {
    const long = 'word '.repeat(9_000); // about 11,250 tokens
    const session = { 'x-session-id': 'long-talk' };
    const asked = async (body: Record<string, unknown>) =>
      (await jsonOf<{ metadata: object }>(await post(`${pair.router.url}/query`, body, session))).metadata;
    expect(await asked({ query: long })).toMatchObject({ target: 'fallback', context_turns: 0 });
    const second = await asked({ query: 'and then?', model: 'fallback' });
    expect(second).toMatchObject({ target: 'fallback', context_turns: 1 });
    expect(pair.calls).toEqual([0, 2]);
    expect(pair.fallback.requests[1]?.body?.messages.map(({ content }) => content)).toEqual([
      long,
      'Hello from upstream',
      'and then?',
    ]);
    const models = await jsonOf<{ data: { id: string; context_window?: number | null }[] }>(
      await fetch(`${pair.router.url}/v1/models`),
    );
    expect(models.data.find(({ id }) => id === 'fallback')).toMatchObject({ context_window: null });
  });
});

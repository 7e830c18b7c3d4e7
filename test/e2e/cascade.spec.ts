import { answer, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, jsonOf, post } from '../support/router-calls.js';
import { targetOn } from '../support/router-targets.js';

const QUESTION =
  'A river flows at 3 km per hour. How far does a boat drift in 5 hours, and how long does it take to row back at 7 km per hour?';
const PRIVATE = `${QUESTION} Write to me at jane.doe@example.com.`;
const messages = [{ role: 'user', content: QUESTION }];

interface Answered {
  readonly response: string;
  readonly metadata: {
    readonly target: string;
    readonly reason: string;
    readonly cost_usd: number;
    attempts: object[];
  };
}

describe('strategy cascade', () => {
  let cheap: UpstreamServer;
  let dear: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    cheap = await UpstreamServer.start({ model: 'cheap' });
    dear = await UpstreamServer.start({ model: 'dear' });
    router = await startRouter({
      targets: [
        targetOn(cheap, { price: { input: 1, output: 1 } }),
        targetOn(dear, { tier: 'cloud', price: { input: 100, output: 100 } }),
      ],
      // puts the threshold next to this question's score
      models: [{ name: 'auto', strategy: 'cascade', targets: ['cheap', 'dear'], strongShare: 0.5 }],
      cache: { enabled: false },
      privacy: { localOnly: true },
      resilience: { retries: 0 },
    });
  });
  beforeEach(() => {
    cheap.reset();
    dear.reset();
    dear.always(answer('Far.'));
  });
  afterAll(async () => {
    await router.close();
    await Promise.all([cheap.close(), dear.close()]);
  });

  const calls = () => [cheap.requests.length, dear.requests.length];
  const query = async (text = QUESTION) => jsonOf<Answered>(await post(`${router.url}/query`, { query: text }));

  it('says in advance whom it would ask', async () => {
    const decision = await jsonOf(await post(`${router.url}/v1/route`, { query: QUESTION }));
    expect(decision).toMatchObject({ target: 'cheap', reason_code: 'cascade', escalation: ['dear'] });
    expect(calls()).toEqual([0, 0]);
  });

  it('keeps a cheap answer that passes', async () => {
    cheap.always(answer('It drifts far.'));
    const { response, metadata } = await query();
    expect(response).toBe('It drifts far.');
    expect(metadata).toMatchObject({ target: 'cheap', reason: expect.stringContaining('passed every check') });
    expect(calls()).toEqual([1, 0]);
  });

  it('asks the strong side when a check fails, and shows the cost of both', async () => {
    cheap.always(answer("I'm sorry, I can't answer that."));
    const { response, metadata } = await query();
    expect(response).toBe('Far.');
    expect(metadata).toMatchObject({ target: 'dear', reason: expect.stringContaining('refusal') });
    expect(metadata.attempts).toMatchObject([{ target: 'cheap' }, { target: 'dear' }]);
    const alone = await jsonOf<Answered>(await post(`${router.url}/query`, { query: QUESTION, model: 'dear' }));
    expect(metadata.cost_usd).toBeGreaterThan(alone.metadata.cost_usd);
    expect(metadata.cost_usd).toBeLessThan(alone.metadata.cost_usd * 1.1);
  });

  it('asks twice where the answer ends in a number, and escalates when they disagree', async () => {
    cheap.script(answer('It drifts 15 km.'), answer('It drifts 8 km.'));
    expect((await query()).metadata.target).toBe('dear');
    expect(calls()).toEqual([2, 1]);
    cheap.reset();
    cheap.always(answer('It drifts 15 km.'));
    expect((await query()).metadata.target).toBe('cheap');
    expect(cheap.requests).toHaveLength(2);
  });

  it('gives the cheap answer when the strong side fails', async () => {
    cheap.always(answer("I'm sorry, I can't answer that."));
    dear.always(status(500));
    const { response, metadata } = await query();
    expect(response).toContain('sorry');
    expect(metadata.target).toBe('cheap');
  });

  it('never takes private text to the cloud, whatever the check says', async () => {
    cheap.always(answer("I'm sorry, I can't answer that."));
    const { metadata } = await query(PRIVATE);
    expect(metadata.target).toBe('cheap');
    expect(calls()).toEqual([1, 0]);
  });

  it('is no cascade for a stream', async () => {
    cheap.always(answer("I'm sorry, I can't answer that."));
    const response = await chat(router, { model: 'auto', messages, stream: true });
    await response.text();
    expect(calls().reduce((a, b) => a + b)).toBe(1);
    expect(response.headers.get('x-router-reason')).not.toBe('cascade');
  });
});

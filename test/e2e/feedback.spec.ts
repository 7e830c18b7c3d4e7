import { startRouter, type RouterApp } from '../support/router-app.js';
import { jsonOf, post, type ErrorJson } from '../support/router-calls.js';

const SECRET = 'How many zebras does aunt Wilhelmina keep in her garden, if 3 of 12 have run away?';

describe('POST /v1/feedback', () => {
  let router: RouterApp;
  beforeAll(async () => {
    router = await startRouter({
      targets: [
        { id: 'small', tier: 'local', provider: 'simulated' },
        { id: 'large', tier: 'cloud', provider: 'simulated' },
      ],
    });
  });
  afterAll(() => router.close());

  const feedback = (body: unknown) => post(`${router.url}/v1/feedback`, body);
  const recordOf = async (id: string) => jsonOf(await fetch(`${router.url}/v1/requests/${id}`));
  const listed = async () => jsonOf<{ data: object[] }>(await fetch(`${router.url}/admin/requests?limit=100`));

  it('is kept beside the record, which has the decision and no text of the conversation', async () => {
    const answered = await post(`${router.url}/query`, { query: SECRET }, { 'x-request-id': 'req-zebra' });
    expect(answered.status).toBe(200);
    const response = await feedback({ request_id: 'req-zebra', score: -1, comment: 'wrong' });
    expect(response.status).toBe(200);
    expect(await jsonOf(response)).toEqual({ request_id: 'req-zebra', stored: true });
    const record = await recordOf('req-zebra');
    expect(record).toMatchObject({
      request_id: 'req-zebra',
      tenant: 'local',
      strategy: 'hybrid',
      feedback: { score: -1, at: expect.stringMatching(/Z$/), comment: 'wrong' },
    });
    const columns = record['columns'] as number[];
    expect(columns.length).toBeGreaterThan(10);
    expect(columns.every((value) => Number.isFinite(value))).toBe(true);
    const { data } = await listed();
    expect(data).toMatchObject([{ request_id: 'req-zebra', feedback: { score: -1 } }]);
    expect(JSON.stringify([data, record])).not.toMatch(/zebras|Wilhelmina/);
  });

  it('replaces what was said before', async () => {
    expect((await feedback({ request_id: 'latest', score: 0.5 })).status).toBe(200);
    const { feedback: said } = await recordOf('req-zebra');
    expect(said).toEqual({ score: 0.5, at: expect.any(String) });
    expect((await feedback({ request_id: 'latest', score: 0.5 })).status).toBe(200);
    expect((await recordOf('latest'))['feedback']).toEqual(said);
  });

  it('explanations are not written down', async () => {
    expect((await post(`${router.url}/v1/route`, { query: SECRET })).status).toBe(200);
    expect((await listed()).data).toHaveLength(1);
  });

  it.each([
    [{ score: 1 }, 'request_id'],
    [{ request_id: 'a', score: 2 }, 'score'],
    [{ request_id: 'a', score: 'good' }, 'score'],
    [{ request_id: 'a', score: 1, comment: 'x'.repeat(2001) }, 'comment'],
  ])('%j is refused at %s', async (body, param) => {
    const response = await feedback(body);
    expect(response.status).toBe(400);
    expect((await jsonOf<ErrorJson>(response)).error).toMatchObject({ code: 'invalid_request', param });
  });
});

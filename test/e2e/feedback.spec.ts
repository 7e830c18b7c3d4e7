import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { eventually, jsonOf, post, type ErrorJson } from '../support/router-calls.js';

const SECRET = 'How many zebras does aunt Wilhelmina keep in her garden, if 3 of 12 have run away?';

describe('POST /v1/feedback', () => {
  let router: RouterApp;
  let dataDir: string;
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'router-feedback-'));
    router = await startRouter(
      {
        targets: [
          { id: 'small', tier: 'local', provider: 'simulated' },
          { id: 'large', tier: 'cloud', provider: 'simulated' },
        ],
      },
      { dataDir },
    );
  });
  afterAll(async () => {
    await router.close();
    rmSync(dataDir, { recursive: true });
  });

  const lines = (): Record<string, unknown>[] => {
    try {
      const text = readFileSync(join(dataDir, 'decisions.jsonl'), 'utf8');
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    } catch {
      return [];
    }
  };
  const feedback = (body: unknown) => post(`${router.url}/v1/feedback`, body);

  it('is kept beside the decision, without text of the conversation', async () => {
    const answered = await post(`${router.url}/query`, { query: SECRET }, { 'x-request-id': 'req-zebra' });
    expect(answered.status).toBe(200);
    const response = await feedback({ request_id: 'req-zebra', score: -1, comment: 'wrong' });
    expect(response.status).toBe(200);
    expect(await jsonOf(response)).toEqual({ request_id: 'req-zebra', stored: true });
    await eventually('two lines', 5_000, () => lines().length === 2);
    const [decision, judgement] = lines();
    expect(decision).toMatchObject({ type: 'decision', request_id: 'req-zebra', tenant: 'local', strategy: 'hybrid' });
    expect((decision!['columns'] as number[]).every((value) => Number.isFinite(value))).toBe(true);
    expect(judgement).toMatchObject({ type: 'feedback', request_id: 'req-zebra', tenant: 'local', score: -1 });
    expect(JSON.stringify(lines())).not.toMatch(/zebras|Wilhelmina/);
  });

  it('explanations are not written down', async () => {
    const before = lines().length;
    await post(`${router.url}/v1/route`, { query: SECRET });
    await feedback({ request_id: 'req-zebra', score: 0 });
    await eventually('the marker', 5_000, () => lines().at(-1)?.['score'] === 0);
    expect(lines()).toHaveLength(before + 1);
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

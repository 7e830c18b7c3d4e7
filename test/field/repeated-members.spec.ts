import { startRouter, type RouterApp } from '../support/router-app.js';
import { jsonOf, post, type ErrorJson } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

describe('a member that stands twice, behind the other doors', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(inOrder([targetOn(upstream, { capabilities: ['tools', 'embeddings'] })]));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  it.each([
    ['messages', 'messages', '"max_tokens":9,"messages":[],"messages":[{"role":"user","content":"hi"}]'],
    [
      'messages',
      'system',
      '"max_tokens":9,"system":"a","sys\\u0074em":"b","messages":[{"role":"user","content":"hi"}]',
    ],
    ['messages', 'messages[0].content', '"max_tokens":9,"messages":[{"role":"user","content":"a","content":"hi"}]'],
    ['messages/count_tokens', 'messages', '"messages":[],"messages":[{"role":"user","content":"hi"}]'],
    ['responses', 'input', '"input":"a","input":"hi"'],
    ['responses', 'stream', '"stream":true,"input":"hi","stream":false'],
    ['responses', 'input[0].content', '"input":[{"role":"user","content":"a","content":"hi"}]'],
    ['embeddings', 'input', '"input":"a","input":"hi"'],
    ['embeddings', 'dimensions', '"dimensions":9,"input":"hi","dimensions":8'],
  ])('F54 %s with %s twice is refused by its name', async (door, param, members) => {
    const response = await post(`${router.url}/v1/${door}`, `{"model":"auto",${members}}`);
    expect(response.status).toBe(400);
    const { error } = await jsonOf<ErrorJson>(response);
    expect(error.message).toContain(`${param}: this field stands twice`);
    expect(upstream.requests).toEqual([]);
  });

  it('F54 a name twice where nobody reads it is nobody’s business', async () => {
    const twice = '"x":{"a":1,"a":2},"y":1,"y":2';
    for (const [door, members] of [
      ['messages', '"max_tokens":9,"messages":[{"role":"user","content":"hi"}]'],
      ['responses', '"input":"hi"'],
    ]) {
      expect((await post(`${router.url}/v1/${door}`, `{"model":"auto",${members},${twice}}`)).status).toBe(200);
    }
  });
});

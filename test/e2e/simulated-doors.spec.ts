import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { jsonOf, post } from '../support/router-calls.js';
import { askedThrough, DOORS } from '../support/door-calls.js';

describe('simulated answers, through each door', () => {
  let router: RouterApp;
  beforeAll(async () => {
    router = await startRouter({
      targets: [{ id: 'sim', tier: 'local', provider: 'simulated', capabilities: ['json'] }],
    });
  });
  afterAll(() => router.close());

  it.each(DOORS.flatMap((door) => [true, false].map((stream) => ({ door, stream }))))(
    'say so beside the name of the model, $door, stream $stream',
    async ({ door, stream }) => {
      const { raw } = await askedThrough(door, router, { stream, model: 'sim' });
      const marks = raw.match(/"simulated":true/g) ?? [];
      expect(marks.length).toBeGreaterThanOrEqual(1);
    },
  );

  it('say so in the list of models in the form of Anthropic', async () => {
    const headers = { 'anthropic-version': '2023-06-01' };
    const { data } = await jsonOf<{ data: object[] }>(await fetch(`${router.url}/v1/models`, { headers }));
    expect(data).toContainEqual(expect.objectContaining({ id: 'sim', simulated: true }));
  });

  it('fit the schema that was asked for, so that a program can be tried without a model', async () => {
    const client = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'k', maxRetries: 0 });
    const City = z.object({ name: z.string(), mayor: z.object({ age: z.int() }), tags: z.array(z.string()) });
    const answer = await client.responses.parse({
      model: 'sim',
      input: 'A city',
      text: { format: zodTextFormat(City, 'city') },
    });
    expect(answer.output_parsed).toEqual({ name: 'simulated', mayor: { age: 0 }, tags: [] });
  });

  it('are titled by the words of the user and not by those of an agent', async () => {
    const text = '<system-reminder>\nUse what follows.\n</system-reminder>\n\nName a river.';
    const body = { model: 'sim', max_tokens: 100, messages: [{ role: 'user', content: text }] };
    await post(`${router.url}/v1/messages`, body, { 'x-claude-code-session-id': 'claude-1' });
    const { title } = await jsonOf<{ title: string }>(await fetch(`${router.url}/v1/sessions/claude-1`));
    expect(title).toBe('Name a river.');
  });
});

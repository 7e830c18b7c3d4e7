import type OpenAI from 'openai';
import type { ToolCall } from '../../src/common/chat.js';
import { FailoverPair } from '../support/failover-pair.js';
import { words, type UsagePlace } from '../support/openai-answer.js';
import { answer, events, status, toolCall } from '../support/upstream-behaviours.js';
import { openaiAt, post, type ErrorJson } from '../support/router-calls.js';
import { bytesPerWrite, cutAfter, oneWrite } from '../support/upstream-twists.js';

const ANSWER = words(60);

describe('/v1/responses and model servers that misbehave', () => {
  let pair: FailoverPair;
  let client: OpenAI;
  beforeEach(async () => {
    pair = await FailoverPair.start({ resilience: { retries: 0 } });
    client = openaiAt(pair.router.url, { maxRetries: 0 }).client;
    pair.fallback.always(answer(ANSWER));
  });
  afterEach(() => pair.close());

  const streamed = (body: object = {}) => client.responses.stream({ model: 'auto', input: 'hi', ...body });
  const typesOf = (text: string) => [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);

  it('U08 a cut stream is completed by another target, in one message', async () => {
    pair.primary.always(answer(ANSWER, {}, cutAfter(40)));
    const final = await streamed().finalResponse();
    expect(final.output_text).toBe(ANSWER);
    expect(final.output).toHaveLength(1);
    expect(final.status).toBe('completed');
    expect(pair.calls).toEqual([1, 1]);
    expect(await client.responses.retrieve(final.id)).toMatchObject({ output: final.output.map(({ id }) => ({ id })) });
  });

  it('U08 a cut that cannot be joined ends in error and response.failed, and is not stored', async () => {
    pair.primary.always(toolCall('x', { text: words(20) }, cutAfter(5)));
    const text = await (
      await post(`${pair.router.url}/v1/responses`, { model: 'auto', input: 'hi', stream: true })
    ).text();
    expect(typesOf(text).slice(-2)).toEqual(['error', 'response.failed']);
    const failed = JSON.parse(text.split('\n\n').at(-2)!.split('data: ')[1]!) as {
      response: OpenAI.Responses.Response;
    };
    expect(failed.response).toMatchObject({
      status: 'failed',
      error: { code: 'upstream_error', message: expect.any(String) },
    });
    expect(text.match(/"id":"resp_[^"]+"/g)?.every((id, _, all) => id === all[0])).toBe(true);
    await expect(client.responses.retrieve(failed.response.id)).rejects.toMatchObject({ status: 404 });
    await expect(streamed().finalResponse()).rejects.toMatchObject({ code: 'upstream_error' });
  });

  it('what fails before the first content is an ordinary error', async () => {
    const refused = { error: { message: 'No such tool', type: 'invalid_request_error', code: null, param: 'tools' } };
    pair.primary.always(status(400, refused));
    pair.fallback.always(status(400, refused));
    const answered = await post(`${pair.router.url}/v1/responses`, { model: 'auto', input: 'hi', stream: true });
    expect(answered.status).toBe(400);
    expect(((await answered.json()) as ErrorJson).error).toMatchObject({ type: 'invalid_request_error' });
  });

  it.each<{ usage: UsagePlace; output: number }>([
    { usage: 'when-asked', output: 60 },
    { usage: 'in-finish-frame', output: 60 },
    { usage: 'in-every-frame', output: 60 },
  ])('usage $usage is in response.completed', async ({ usage, output }) => {
    pair.primary.always(answer(ANSWER, { usage }));
    expect((await streamed().finalResponse()).usage).toMatchObject({ output_tokens: output });
  });

  it('usage that comes never is an estimate', async () => {
    pair.primary.always(answer(ANSWER, { usage: 'never' }));
    const { usage } = await streamed().finalResponse();
    expect(usage?.output_tokens).toBeGreaterThan(20);
    expect(usage?.total_tokens).toBe((usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0));
  });

  const call = (id: string, n: number): ToolCall => ({
    id,
    type: 'function',
    function: { name: 'x', arguments: `{"n":${n}}` },
  });
  const chunk = (piece: object) => ({ choices: [{ index: 0, delta: { tool_calls: [piece] } }] });
  const finish = { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] };
  const open = (index: number | undefined, id: string) =>
    chunk({ ...(index === undefined ? {} : { index }), id, function: { name: 'x', arguments: '' } });
  const more = (index: number | undefined, text: string) =>
    chunk({ ...(index === undefined ? {} : { index }), function: { arguments: text } });

  it.each([
    ['in order', answer('', { toolCalls: [call('a', 1), call('b', 2)] })],
    [
      'all of index 0',
      events(open(0, 'a'), more(0, '{"n":1}'), open(0, 'b'), more(0, '{"n":2}'), finish, 'data: [DONE]\n\n'),
    ],
    [
      'without index',
      events(
        open(undefined, 'a'),
        more(undefined, '{"n":1}'),
        open(undefined, 'b'),
        more(undefined, '{"n":2}'),
        finish,
        'data: [DONE]\n\n',
      ),
    ],
    [
      'with gaps between indexes',
      events(open(3, 'a'), more(3, '{"n":1}'), open(7, 'b'), more(7, '{"n":2}'), finish, 'data: [DONE]\n\n'),
    ],
    [
      'mixed',
      events(
        open(0, 'a'),
        open(1, 'b'),
        more(1, '{"n"'),
        more(0, '{"n":'),
        more(1, ':2}'),
        more(0, '1}'),
        finish,
        'data: [DONE]\n\n',
      ),
    ],
  ])('tool calls %s', async (_, behaviour) => {
    pair.primary.always(behaviour);
    const tools = [{ type: 'function', name: 'x', parameters: { type: 'object' }, strict: false }];
    const { id, output } = await streamed({ tools }).finalResponse();
    const items = [
      { type: 'function_call', call_id: 'a', arguments: '{"n":1}', status: 'completed' },
      { type: 'function_call', call_id: 'b', arguments: '{"n":2}', status: 'completed' },
    ];
    expect(output).toMatchObject(items);
    expect((await client.responses.retrieve(id)).output).toMatchObject(output.map(({ id: item }) => ({ id: item })));
  });

  it.each([
    ['reasoning_content', { reasoning_content: 'hm' }],
    ['reasoning', { reasoning: 'hm' }],
    ['thinking', { thinking: 'hm' }],
  ])('reasoning spelled %s', async (_, delta) => {
    const said = (piece: object) => ({ choices: [{ index: 0, delta: piece }] });
    pair.primary.always(
      events(
        said(delta),
        said({ content: 'Yes.' }),
        { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
        'data: [DONE]\n\n',
      ),
    );
    const { id, output } = await streamed().finalResponse();
    const items = [
      { type: 'reasoning', summary: [{ text: 'hm' }] },
      { type: 'message', content: [{ text: 'Yes.' }] },
    ];
    expect(output).toMatchObject(items);
    expect((await client.responses.retrieve(id)).output).toMatchObject(items);
  });

  it.each([
    ['byte by byte', bytesPerWrite(7)],
    ['all at once', oneWrite],
  ])('however the bytes come: %s', async (_, twist) => {
    pair.primary.always(answer('é 🌧 "quoted" \\ text', { reasoning: 'hm' }, twist));
    expect((await streamed().finalResponse()).output_text).toBe('é 🌧 "quoted" \\ text');
  });

  it.each([{ stream: false }, { stream: true }])(
    'an answer cut by its length is incomplete, stream $stream',
    async ({ stream }) => {
      pair.primary.always(answer('One two', { finishReason: 'length' }));
      const body = { model: 'auto', input: 'hi', max_output_tokens: 2 };
      const response = stream ? await streamed(body).finalResponse() : await client.responses.create(body);
      const incomplete = { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
      expect(response).toMatchObject({ ...incomplete, output: [{ status: 'incomplete' }] });
      expect(await client.responses.retrieve(response.id)).toMatchObject({
        ...incomplete,
        output: [{ status: 'incomplete' }],
      });
      expect(pair.primary.requests[0]?.body).toMatchObject({ max_tokens: 2 });
    },
  );
});

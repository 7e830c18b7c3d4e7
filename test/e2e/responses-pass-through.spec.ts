import { keyFor, targetOn } from '../support/router-targets.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { jsonOf, openaiAt, post, type ErrorJson } from '../support/router-calls.js';
import { head, status, write } from '../support/upstream-behaviours.js';
import type { Behaviour, Step } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SEARCH = { type: 'web_search' } as const;
const ID = 'resp_68e1f00000000000000000000000000000000000000000aa';

/** As OpenAI's own server would answer to a search. */
const response = (state: string, output: object[]) => ({
  ...{ id: ID, object: 'response', created_at: 1_790_000_000, status: state, model: 'gpt-6-2026-09-01', output },
  error: null,
  usage: state === 'completed' ? { input_tokens: 20, output_tokens: 7, total_tokens: 27 } : null,
  some_new_field: { kept: true },
});
const call = { type: 'web_search_call', id: 'ws_1', status: 'completed' };
const message = (text: string) => ({
  ...{ type: 'message', id: 'msg_1', role: 'assistant', status: 'completed' },
  content: [{ type: 'output_text', text, annotations: [{ type: 'url_citation', url: 'https://example.com' }] }],
});

const event = (type: string, fields: object): Step =>
  write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
const opening = [
  event('response.created', { sequence_number: 0, response: response('in_progress', []) }),
  event('response.output_item.added', {
    sequence_number: 1,
    output_index: 0,
    item: { ...call, status: 'in_progress' },
  }),
  event('response.web_search_call.searching', { sequence_number: 2, output_index: 0, item_id: 'ws_1' }),
  event('response.output_item.done', { sequence_number: 3, output_index: 0, item: call }),
  event('response.output_item.added', { sequence_number: 4, output_index: 1, item: { ...message(''), content: [] } }),
  event('response.content_part.added', {
    ...{ sequence_number: 5, output_index: 1, content_index: 0, item_id: 'msg_1' },
    part: { type: 'output_text', text: '', annotations: [] },
  }),
  event('response.output_text.delta', {
    ...{ sequence_number: 6, output_index: 1, content_index: 0, item_id: 'msg_1', delta: 'It rains.' },
  }),
];
const closing = [
  event('response.output_item.done', { sequence_number: 7, output_index: 1, item: message('It rains.') }),
  event('response.completed', {
    ...{ sequence_number: 8, response: response('completed', [call, message('It rains.')]) },
  }),
];
const STREAM_HEAD = head(200, { 'content-type': 'text/event-stream' });

const searched: Behaviour = ({ body }) =>
  body?.stream
    ? [STREAM_HEAD, ...opening, ...closing, { do: 'end' }]
    : [
        head(200, { 'content-type': 'application/json' }),
        write(JSON.stringify(response('completed', [call, message('It rains.')]))),
        { do: 'end' },
      ];

describe('what only OpenAI can do', () => {
  let openai: UpstreamServer;
  let second: UpstreamServer;
  let other: UpstreamServer;
  let router: RouterApp;
  beforeEach(async () => {
    [openai, second, other] = await Promise.all([
      UpstreamServer.start({ model: 'gpt' }),
      UpstreamServer.start({ model: 'gpt-b' }),
      UpstreamServer.start({ model: 'other' }),
    ]);
    const azure = ({ baseUrl, model }: UpstreamServer) => ({
      ...({
        id: model,
        tier: 'cloud',
        provider: 'azure-openai',
        endpoint: new URL(baseUrl).origin,
        apiKey: 'sk-azure-key',
      } as const),
      ...{ deployment: `my-${model}`, price: { input: 1, output: 2 }, contextWindow: 128_000 },
      ...(model === 'gpt' ? { capabilities: ['vision' as const] } : {}),
    });
    router = await startRouter({
      targets: [azure(openai), azure(second), targetOn(other)],
      models: [
        { name: 'searching', strategy: 'priority', targets: ['gpt', 'gpt-b'] },
        { name: 'seeing', strategy: 'priority', targets: ['gpt'] },
        { name: 'mixed', strategy: 'priority', targets: ['gpt', 'other'] },
      ],
      privacy: { localOnly: true },
    });
  });
  afterEach(async () => {
    await router.close();
    await Promise.all([openai.close(), second.close(), other.close()]);
  });

  const asked = { model: 'searching', input: 'What is the weather in Bonn?', tools: [SEARCH], include: ['x'] } as const;

  it('passes through as it came, and its answer as it comes, plain', async () => {
    openai.always(searched);
    const answer = await post(`${router.url}/v1/responses`, { ...asked, service: { id: 7 } });
    expect(await answer.json()).toEqual(response('completed', [call, message('It rains.')]));
    expect(answer.headers.get('x-router-target')).toBe('gpt');
    expect(Number(answer.headers.get('x-router-cost-usd'))).toBeCloseTo((20 * 1 + 7 * 2) / 1e6, 12);
    expect(answer.headers.get('x-router-cache')).toBe('BYPASS');
    const [sent] = openai.requests;
    expect(sent?.path).toBe('/openai/v1/responses');
    expect(JSON.parse(sent!.text)).toEqual({ ...asked, model: 'my-gpt', service: { id: 7 } });
    expect(sent?.headers['api-key']).toBe('sk-azure-key');
  });

  it('streams to its own client, with the events of tools that nobody here knows', async () => {
    openai.always(searched);
    const { client } = openaiAt(router.url);
    const stream = client.responses.stream({ ...asked, tools: [SEARCH] } as never);
    const types: string[] = [];
    for await (const { type } of stream) types.push(type);
    expect(types).toContain('response.web_search_call.searching');
    expect((await stream.finalResponse()).output_text).toBe('It rains.');
  });

  it('falls back to another server of OpenAI while nothing was said', async () => {
    openai.always(status(503));
    second.always(searched);
    const answer = await post(`${router.url}/v1/responses`, { ...asked, stream: true });
    const text = await answer.text();
    expect(answer.headers.get('x-router-fallback')).toBe('true');
    expect(text.match(/event: response\.created/g)).toHaveLength(1);
    expect(JSON.parse(second.requests[0]!.text)).toMatchObject({ model: 'my-gpt-b' });
  });

  it('that is cut is not told twice: the error, and the response as failed', async () => {
    const seen = Promise.withResolvers<void>();
    openai.always(() => [STREAM_HEAD, ...opening, { do: 'hold', until: seen.promise }, { do: 'close' }]);
    second.always(searched);
    const answer = await post(`${router.url}/v1/responses`, { ...asked, stream: true });
    let text = '';
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.includes('It rains.')) seen.resolve();
    }
    expect(text).toContain('event: error\ndata: ');
    const failed = JSON.parse(text.split('event: response.failed\ndata: ')[1]!) as { response: { id: string } };
    expect(failed.response).toMatchObject({ id: ID, status: 'failed', error: { code: 'upstream_error' } });
    expect(second.requests).toHaveLength(0);
  });

  it('keeps the reason of a refusal', async () => {
    openai.always(status(400, { error: { message: 'Tool web_search is not there.', type: 'invalid_request_error' } }));
    const answer = await post(`${router.url}/v1/responses`, asked);
    expect(answer.status).toBe(400);
    expect((await jsonOf<ErrorJson>(answer)).error.message).toContain('web_search is not there');
    expect(second.requests).toHaveLength(0);
  });

  it.each([
    ['mixed', asked.tools, 'tools[0].type'],
    ['other', asked.tools, 'tools[0].type'],
  ])('is a 400 of %s, where others may answer', async (model, tools, param) => {
    const answer = await post(`${router.url}/v1/responses`, { ...asked, model, tools });
    expect(answer.status).toBe(400);
    expect((await jsonOf<ErrorJson>(answer)).error).toMatchObject({ code: 'invalid_request', param });
    expect(openai.requests.length + other.requests.length).toBe(0);
  });

  it('goes on from responses that are at OpenAI', async () => {
    openai.always(searched);
    const answer = await post(`${router.url}/v1/responses`, { model: 'gpt', input: 'And?', previous_response_id: ID });
    expect(answer.status).toBe(200);
    expect(JSON.parse(openai.requests[0]!.text)).toMatchObject({ previous_response_id: ID });
  });

  it('keeps private text here', async () => {
    const input = [{ role: 'user', content: [{ type: 'input_text', text: 'Mail to jane.doe@example.com' }] }];
    const answer = await post(`${router.url}/v1/responses`, { ...asked, input });
    expect((await jsonOf<ErrorJson>(answer)).error.code).toBe('privacy_no_local_target');
    const instructions = 'The card is 4111 1111 1111 1111';
    const second = await post(`${router.url}/v1/responses`, { ...asked, instructions });
    expect((await jsonOf<ErrorJson>(second)).error.code).toBe('privacy_no_local_target');
    expect(openai.requests).toHaveLength(0);
  });

  it.each([
    [
      'a member twice',
      '{"model":"gpt","input":"Ask jane.doe@example.com","input":"ok","tools":[{"type":"web_search"}]}',
      'input',
    ],
    ['the model twice', '{"model":"gpt","input":"ok","tools":[{"type":"web_search"}],"model":"gpt-b"}', 'model'],
    [
      'a member that copies lose',
      '{"model":"gpt","input":"ok","tools":[{"type":"web_search"}],"__proto__":{"a":1}}',
      '__proto__',
    ],
    [
      'a response that is kept here',
      `{"model":"gpt","input":"ok","tools":[{"type":"web_search"}],"conversation":"my-chat"}`,
      'conversation',
    ],
  ])('does not pass %s', async (_, body, param) => {
    const answer = await post(`${router.url}/v1/responses`, body);
    expect(answer.status).toBe(400);
    expect((await jsonOf<ErrorJson>(answer)).error.param).toBe(param);
    expect(openai.requests).toHaveLength(0);
  });

  it('counts pictures as pictures', async () => {
    openai.always(searched);
    const url = `data:image/png;base64,${'A'.repeat(700_000)}`;
    const input = [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'What is it?' },
          { type: 'input_image', image_url: url },
        ],
      },
    ];
    expect((await post(`${router.url}/v1/responses`, { ...asked, model: 'seeing', input })).status).toBe(200);
    expect(openai.requests[0]?.text).toContain(url);
    const blind = await jsonOf<ErrorJson>(
      await post(`${router.url}/v1/responses`, { ...asked, model: 'gpt-b', input }),
    );
    expect(blind.error.message).toContain('read images');
  });

  it('says that there is no such model before it says what no model can', async () => {
    const answer = await post(`${router.url}/v1/responses`, { ...asked, model: 'nothing' });
    expect((await jsonOf<ErrorJson>(answer)).error.code).toBe('model_not_found');
  });

  it('takes no name of what is kept at OpenAI where several tenants come', async () => {
    const keys = ['acme', 'globex'].map((tenant) => keyFor(`key-of-${tenant}`, { tenant, scopes: ['chat'] }));
    const { targets, models } = router.config.current;
    await router.reload({ targets, models, auth: { keys } });
    openai.always(searched);
    const headers = { authorization: 'Bearer key-of-acme' };
    const file = { ...asked, input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }] };
    for (const [body, param] of [
      [{ ...asked, previous_response_id: ID }, 'previous_response_id'],
      [{ ...asked, tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }] }, 'tools[0].vector_store_ids'],
      [file, 'input[0].content[0].file_id'],
    ] as const) {
      const answer = await post(`${router.url}/v1/responses`, body, headers);
      expect((await jsonOf<ErrorJson>(answer)).error.param).toBe(param);
    }
    expect((await post(`${router.url}/v1/responses`, asked, headers)).status).toBe(200);
    expect(openai.requests).toHaveLength(1);
  });
});

import { figure } from '../support/fault-row.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, chat, jsonOf, openaiAt, post, type ErrorJson } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { answer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter } from '../support/upstream-twists.js';

const CHAT = '/v1/chat/completions';
const HI = '{"role":"user","content":"hi"}';
/** What JSON text can say and JavaScript's numbers and objects cannot. */
const EXACT: Record<string, string> = {
  'integers beyond 2^53':
    '"tools":[{"type":"function","function":{"name":"f","parameters":{"maximum":9223372036854775807}}}]',
  'a number beyond every double': '"x":1e400',
  'a float that is a whole number': '"x":[1.0,2.50,-0,-0.0,1E5]',
  'more digits than a double has': '"x":0.12345678901234567890123',
  'keys that look like indexes': '"logit_bias":{"50256":-100,"100":1,"-1":0}',
  'a name twice in a field nobody reads': '"x":{"a":1,"a":2}',
  'an unread member twice': '"x":1,"x":2,"seed":1',
  'escapes of every kind': '"x":"\\u0041\\/\\u00e9\\ud83d\\ude80\\u2028 \\" \\\\"',
  'spaces and line ends': '"x" :\n\t[ 1 ,\r\n 2 ]',
  'a seed beyond 2^53': '"seed":18446744073709551615',
  'names of every prototype': '"x":{"__proto__":{"a":1},"constructor":{},"toString":1}',
};

describe('bodies go through as they are', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'their-name' });
    router = await startRouter(inOrder([targetOn(upstream, { id: 'our-name' })]));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    figure(
      'F54',
      `${Object.keys(EXACT).length} kinds of text that data cannot hold: all reach the server byte by byte`,
    );
    await router.close();
    await upstream.close();
  });
  const send = async (body: string, headers: Record<string, string> = {}) => {
    const response = await post(router.url + CHAT, body, headers);
    const text = await response.text();
    return { status: response.status, text, sent: upstream.requests.map((request) => request.text) };
  };

  it.each(Object.keys(EXACT))('F54 %s, plain and streamed', async (name) => {
    const body = (model: string, rest = '') => `{ "model":"${model}", "messages":[${HI}],\n${EXACT[name]}${rest}}`;
    const asked = ',"stream":true, "stream_options": {"include_usage":true,"x":1e999} ';
    await send(body('auto'));
    await send(body('auto', asked));
    const { sent } = await send(body('auto', ',"stream":true'));
    const added = ',"stream":true,"stream_options":{"include_usage":true}';
    expect(sent).toEqual([body('their-name'), body('their-name', asked), body('their-name', added)]);
  });

  it('F54 a name written in escapes is the same name', async () => {
    const { sent } = await send(`{"mod\\u0065l":"auto","messages":[${HI}]}`);
    expect(sent).toEqual([`{"mod\\u0065l":"their-name","messages":[${HI}]}`]);
  });

  it.each([
    ['model', `{"model":"auto","messages":[${HI}],"model":"other"}`],
    ['messages', `{"model":"auto","messages":[],"messages":[${HI}]}`],
    ['model', `{"model":"auto","mod\\u0065l":"our-name","messages":[${HI}]}`],
    ['messages[0].content', '{"model":"auto","messages":[{"role":"user","content":"secret","content":"hi"}]}'],
    ['stream', `{"model":"auto","stream":true,"stream":false,"messages":[${HI}]}`],
  ])('F54 %s twice is refused by its name: no two readers may disagree', async (param, body) => {
    const { status, text, sent } = await send(body);
    expect({ status, sent }).toEqual({ status: 400, sent: [] });
    expect((JSON.parse(text) as ErrorJson).error).toMatchObject({
      param,
      message: expect.stringContaining('stands twice'),
    });
  });

  it('F54 a conversation keeps its numbers: put in front, behind, and in the list', async () => {
    const headers = { 'x-session-id': 'numbers' };
    const own = (id: number) =>
      `{"role":"user","content":"hi ${id}","x_big":922337203685477580${id},"k":{"2":1,"1":2}}`;
    await send(`{"model":"auto","messages":[${own(1)}]}`, headers);
    const { sent } = await send(`{"model":"auto","messages":[${own(2)}]}`, headers);
    expect(sent[1]).toContain('"x_big":9223372036854775801');
    expect(sent[1]).toContain(own(2));
    const session = await (await fetch(`${router.url}/v1/sessions/numbers`)).text();
    expect(session).toContain('"x_big":9223372036854775801');
    expect(session).toContain('"x_big":9223372036854775802');
  });

  it('F54 an answer goes out as it came', async () => {
    const text =
      '{"id":"c","object":"chat.completion","created":1.0,"x":9223372036854775807,"9":1,"1":2,"choices":[{"index":0,"message":{"role":"assistant","content":"\\u0041"},"finish_reason":"stop"}]}';
    upstream.always(() => [
      { do: 'head', status: 200, headers: { 'content-type': 'application/json' } },
      { do: 'write', bytes: Buffer.from(text) },
      { do: 'end' },
    ]);
    expect((await send(`{"model":"auto","messages":[${HI}]}`)).text).toBe(text);
  });

  it('F54 two requests that differ in the last digit are two requests', async () => {
    await router.reload(inOrder([targetOn(upstream, { id: 'our-name' })], { cache: { enabled: true } }));
    const body = (digit: number, more = '') =>
      `{"model":"auto","messages":[${HI}],"x":922337203685477580${digit}${more}}`;
    for (const one of [body(6), body(7), body(6)]) await send(one);
    expect(upstream.requests).toHaveLength(2);
    await router.reload(inOrder([targetOn(upstream, { id: 'our-name' })]));
    const key = { 'idempotency-key': 'digits' };
    expect([(await send(body(6), key)).status, (await send(body(7), key)).status]).toEqual([200, 409]);
  });

  it('F54 a fallback and a prefill keep the text', async () => {
    const second = await UpstreamServer.start({ model: 'second' });
    try {
      await router.reload(
        inOrder([targetOn(upstream, { id: 'our-name' }), targetOn(second, { capabilities: ['prefill'] })], {
          resilience: { retries: 0 },
        }),
      );
      upstream.script(answer('One two three four five six', {}, cutAfter(3)));
      const body = `{"model":"auto","messages":[{"role":"user","content":"hi","x":1e400}],"stream":true,"y":-0}`;
      expect((await post(router.url + CHAT, body)).status).toBe(200);
      const { text } = await second.received();
      expect(text).toContain('"messages":[{"role":"user","content":"hi","x":1e400},{"role":"assistant","content":"');
      expect(text).toContain('"y":-0');
    } finally {
      await router.reload(inOrder([targetOn(upstream, { id: 'our-name' })]));
      await second.close();
    }
  });

  /** Fields as SDKs and agents send them, and what other servers than OpenAI's allow. */
  const LENIENT: Record<string, string> = {
    'every optional field null':
      '"tools":null,"tool_choice":null,"functions":null,"function_call":null,"user":null,"seed":null,"stop":null,' +
      '"n":null,"stream":null,"stream_options":null,"response_format":null,"metadata":null,"logit_bias":null,' +
      '"parallel_tool_calls":null,"max_tokens":null,"max_completion_tokens":null,"temperature":null,"top_p":null,' +
      '"logprobs":null,"top_logprobs":null,"presence_penalty":null,"frequency_penalty":null,"modalities":null,' +
      '"audio":null,"prediction":null,"reasoning_effort":null,"service_tier":null,"store":null,"web_search_options":null',
    'usage not asked for': '"stream":true,"stream_options":{"include_usage":null,"include_obfuscation":false}',
    'empty lists': '"tools":[],"stop":[],"metadata":{}',
    'tools of other servers': '"tools":[{"google_search":{}},{"type":"web_search"},"x",null]',
    'a temperature beyond 2': '"temperature":2.5,"top_p":1.5,"top_logprobs":50,"presence_penalty":3',
    'a fraction as seed, and one beyond 2^53': '"seed":9007199254740993.5',
    'a format without a type': '"response_format":{"json_schema":{}}',
  };
  it.each(Object.keys(LENIENT))('F53 %s: passes to the server unchanged', async (name) => {
    const body = (model: string) => `{"model":"${model}","messages":[${HI}],${LENIENT[name]}}`;
    const { status, sent } = await send(body('auto'));
    expect(status).toBe(200);
    // of a stream usage is always asked for
    expect(sent[0]?.replace('"include_usage":true', '"include_usage":null')).toBe(body('their-name'));
    expect((await post(`${router.url}/v1/route`, body('auto'))).status).toBe(200);
  });

  const MESSAGES: Record<string, string> = {
    "openai-python's dump of an answer":
      '{"content":"Hello","refusal":null,"role":"assistant","annotations":[],"audio":null,"function_call":null,"tool_calls":null}',
    'a dump with a call':
      '{"content":null,"refusal":null,"role":"assistant","annotations":null,"audio":null,"function_call":null,' +
      '"tool_calls":[{"id":"c","function":{"arguments":"{}","name":"f"},"type":"function"}]}',
    'arguments as an object':
      '{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":{"a":9223372036854775807}}}]}',
    'a call without a function':
      '{"role":"assistant","content":"","tool_calls":[{"id":"c","type":"custom","custom":{}},{"function":null}]}',
    'an id that is null':
      '{"role":"assistant","content":"a","tool_calls":[{"id":null,"type":null,"index":null,"function":{"name":null,"arguments":null}}]}',
    'an assistant without content': '{"role":"assistant"}',
    'a tool without content or id': '{"role":"tool","content":null,"tool_name":"f"}',
    'a function result of null': '{"role":"function","name":"f","content":null}',
    'a role of other servers': '{"role":"control","content":"thinking"}',
    'parts without text':
      '{"role":"user","content":[{"type":"text","text":null},{"type":"image_url","image_url":null,"text":null},{"type":"file"}]}',
    'a text that is none': '{"role":"user","content":[{"type":"text","text":7},{"type":"x","text":{"a":1}}]}',
    'no parts': '{"role":"user","content":[]}',
    'an empty text': '{"role":"user","content":"","name":null}',
    'odd names': '{"role":"user","content":"hi","name":7,"tool_call_id":null,"weight":0}',
  };
  it.each(Object.keys(MESSAGES))('F53 message, %s: passes to the server unchanged', async (name) => {
    const body = (model: string) => `{"model":"${model}","messages":[${HI},${MESSAGES[name]},${HI}]}`;
    const local = { privacy: { localOnly: true } };
    for (const rest of [{}, local]) {
      await router.reload(inOrder([targetOn(upstream, { id: 'our-name' })], rest));
      const { status, sent } = await send(body('auto'), { 'x-session-id': `m-${Object.keys(MESSAGES).indexOf(name)}` });
      expect({ status, sent: sent[0] }).toEqual({ status: 200, sent: body('their-name') });
      upstream.reset();
      await fetch(`${router.url}/v1/sessions/m-${Object.keys(MESSAGES).indexOf(name)}`, { method: 'DELETE' });
    }
  });

  it("F53 an agent sends OpenAI's own answer back as it got it", async () => {
    const { client } = openaiAt(router.url);
    upstream.script(
      answer('', { toolCalls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }),
    );
    const first = await client.chat.completions.create({ model: 'auto', messages: ask('hi') });
    const { message } = first.choices[0]!;
    const again = await client.chat.completions.create({
      model: 'auto',
      messages: [
        ...ask('hi'),
        { ...message, function_call: null, audio: null },
        { role: 'tool', tool_call_id: 'c', content: '1' },
      ],
    });
    expect(again.choices[0]?.message.content).toBe('Hello from upstream');
  });

  it('F53 /query and /v1/route take null for what may be left out', async () => {
    const body = { query: 'hi', model: null, strategy: null, session_id: null, max_tokens: null };
    expect((await post(`${router.url}/query`, body)).status).toBe(200);
    expect((await post(`${router.url}/v1/route`, { query: 'hi', strategy: null, session_id: null })).status).toBe(200);
    const chatBody = { model: 'auto', messages: ask('hi'), query: null };
    expect((await post(`${router.url}/v1/route`, chatBody)).status).toBe(200);
  });

  it.each(['max_tokens', 'max_completion_tokens'])(
    'F53 %s: -1 is no limit, as local servers write it',
    async (field) => {
      const response = await chat(router, { [field]: -1 });
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('Hello from upstream')]);
      expect(upstream.requests.map(({ text }) => text)).toEqual([expect.stringContaining(`"${field}":-1`)]);
      expect((await post(`${router.url}/query`, { query: 'hi', max_tokens: -1 })).status).toBe(200);
      expect((await post(`${router.url}/v1/route`, { query: 'hi', [field]: -1 })).status).toBe(200);
      const zero = await chat(router, { [field]: 0 });
      expect((await jsonOf<ErrorJson>(zero)).error.message).toContain(`${field}: expected a number of at least 1`);
    },
  );

  it('F53 what is read still has to be of its kind', async () => {
    for (const [field, value] of [
      ['tools', {}],
      ['stream', 1],
      ['n', 0],
      ['max_tokens', -2],
      ['response_format', 'x'],
    ] as const) {
      const response = await chat(router, { [field]: value });
      expect([response.status, (await jsonOf<ErrorJson>(response)).error.param]).toEqual([400, field]);
    }
    expect(upstream.requests).toEqual([]);
  });
});

import { FailoverPair } from '../support/failover-pair.js';
import { called } from '../support/fault-row.js';
import { chat, eventually, jsonOf, payloadsOf } from '../support/router-calls.js';
import { events } from '../support/upstream-behaviours.js';

const frame = (delta: unknown, finish: string | null = null, more: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_764_000_000,
  model: 'primary',
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
});
const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
const END = [frame({}, 'stop'), { ...frame({}), choices: [], usage }, 'data: [DONE]\n\n'];

describe('what model servers send in an answer', () => {
  let pair: FailoverPair;
  beforeEach(async () => {
    pair = await FailoverPair.start({ cache: { enabled: true } });
  });
  afterEach(() => pair.close());

  const stored = async (session: string) => {
    const { turns } = await jsonOf<{ turns: { messages: Record<string, unknown>[] }[] }>(
      await fetch(`${pair.router.url}/v1/sessions/${session}`),
    );
    return turns[0]?.messages.at(-1);
  };

  it('F07 a field named __proto__ in a frame names nothing but itself', async () => {
    const hostile = '"__proto__":{"stream":true,"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}';
    const text =
      `data: {"id":"c","model":"m",${hostile},"choices":[{"index":0,${hostile},` +
      `"delta":{"role":"assistant","content":"hi",${hostile},"tool_calls":[{"index":0,"id":"t",${hostile}}]}}]}\n\n`;
    pair.primary.always(events(text, text, ...END));
    for (const body of [{ stream: true }, { stream: true }]) {
      const got = await called(pair.router, body, { 'x-session-id': 'proto' });
      expect(got).toMatchObject({ status: 200, text: 'hihi', done: true });
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    // unknown fields go on as they came
    const raw = await (await chat(pair.router, { stream: true }, { 'cache-control': 'no-store' })).text();
    expect(payloadsOf(raw)[0]).toBe(text.slice(6).trim());
    // a plain request of anybody else is still a plain one
    pair.primary.reset();
    expect(await called(pair.router, { messages: [{ role: 'user', content: 'other' }] })).toMatchObject({
      status: 200,
      text: 'Hello from upstream',
    });
    expect(pair.primary.requests[0]?.text).not.toContain('polluted');
    expect(await stored('proto')).toMatchObject({ role: 'assistant', content: 'hihi' });
  });

  it('F07 names from outside find nothing that objects inherit', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const asked = await chat(pair.router, { model: name });
      expect([name, asked.status]).toEqual([name, 404]);
      const session = await fetch(`${pair.router.url}/v1/sessions/${name}`);
      expect([name, session.status]).toEqual([name, 404]);
      const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', required: [name] } } }];
      expect((await chat(pair.router, { tools, [name]: name, metadata: { [name]: name } })).status).toBe(200);
    }
    expect(pair.calls).toEqual([4, 0]);
  });

  it('F36 two tool calls with one index, and fragments without an id, are two calls wherever they are kept', async () => {
    const call = (piece: object) => frame({ tool_calls: [{ index: 0, ...piece }] });
    const detail = (text: string) => ({
      reasoning_details: [{ type: 'reasoning.text', text, format: 'v1', index: 0 }],
    });
    pair.primary.always(
      events(
        frame({ role: 'assistant', content: null }),
        frame(detail('Let me ')),
        frame(detail('look.')),
        call({ id: 'call_a', type: 'function', function: { name: 'find', arguments: '{"p":1}' } }),
        call({ id: 'call_b', type: 'function', function: { name: 'find', arguments: '{"p"' } }),
        call({ function: { arguments: ':2}' } }),
        frame({}, 'tool_calls'),
        { ...frame({}), choices: [], usage },
        'data: [DONE]\n\n',
      ),
    );
    const tools = [{ type: 'function', function: { name: 'find' } }];
    const expected = {
      reasoning_details: [{ type: 'reasoning.text', text: 'Let me look.', format: 'v1', index: 0 }],
      tool_calls: [
        { id: 'call_a', type: 'function', function: { name: 'find', arguments: '{"p":1}' } },
        { id: 'call_b', type: 'function', function: { name: 'find', arguments: '{"p":2}' } },
      ],
    };
    await called(pair.router, { stream: true, tools });
    await eventually('the answer is kept', 2_000, async () => {
      const again = await chat(pair.router, { tools });
      const { choices } = await jsonOf<{ choices: { message: object }[] }>(again);
      if (again.headers.get('x-router-cache') !== 'HIT') return false;
      expect(choices[0]?.message).toMatchObject(expected);
      return true;
    });
    await called(pair.router, { stream: true, tools }, { 'x-session-id': 'tools' });
    expect(await stored('tools')).toMatchObject(expected);
  });
});

import { parseJsonBody } from '../../src/common/http/json-body.js';
import { chatRequestSchema } from '../../src/modules/chat/chat-request.schema.js';
import { withSentText } from '../../src/modules/chat/http-ask.js';
import { checkAnswer } from '../../src/modules/router/answer-check/answer-check.js';
import { timesAsLong } from '../support/cpu-time.js';
import { figure } from '../support/fault-row.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, jsonOf, post } from '../support/router-calls.js';
import { targetOn } from '../support/router-targets.js';
import { answer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { seeded } from '../../tools/train-router/random.js';

const CHAT = '/v1/chat/completions';
const STRATEGIES = ['hybrid', 'learned', 'rules', 'cost', 'latency', 'weighted', 'priority', 'cascade'];
/** Every parameter of OpenAI's reference, and what other servers have. */
const FIELDS = [
  ...['tools', 'tool_choice', 'functions', 'function_call', 'response_format', 'stream_options', 'stop', 'n', 'user'],
  ...['max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'logprobs', 'top_logprobs', 'seed', 'logit_bias'],
  ...[
    'metadata',
    'modalities',
    'audio',
    'prediction',
    'reasoning_effort',
    'service_tier',
    'store',
    'parallel_tool_calls',
  ],
  ...[
    'presence_penalty',
    'frequency_penalty',
    'web_search_options',
    'verbosity',
    'safety_identifier',
    'prompt_cache_key',
  ],
  ...['min_p', 'guided_json', 'chat_template_kwargs', '__proto__', 'constructor', 'toString', 'x'],
];
const OF_MESSAGES = ['content', 'tool_calls', 'tool_call_id', 'name', 'refusal', 'audio', 'function_call', 'reasoning'];
const ROLES = ['system', 'developer', 'user', 'assistant', 'tool', 'function', 'king'];
const SCHEMAS = [
  '{"required":"x"}',
  '{"required":[null,{},1]}',
  '{"properties":null}',
  '{"properties":[1]}',
  '{"properties":{"a":"string","b":null,"c":7}}',
  '{"enum":"x"}',
  '{"enum":{}}',
  '{"type":7}',
  '{"type":[null,{}]}',
  '{"type":"nothing"}',
  '{"items":"x"}',
  '{"items":[null]}',
  '{"additionalProperties":false,"properties":"x"}',
  '{"$ref":"#"}',
  '{"type":"object","required":["__proto__","constructor"]}',
  '[]',
  '"x"',
  'true',
];
const ODD = [
  ...['null', 'true', '0', '-1', '1.5', '1e308', '1e400', '9223372036854775807', '""', '"x"', '"auto"', '[]', '{}'],
  ...[
    '[null]',
    '[[]]',
    '[1]',
    '["a"]',
    '[{}]',
    '{"a":1}',
    '{"type":null}',
    '{"type":"text"}',
    '{"type":"json_object"}',
  ],
  ...['{"type":"json_schema"}', '{"type":"json_schema","json_schema":7}', '{"function":null}', '{"include_usage":7}'],
  ...['[{"type":"function"}]', '[{"type":"function","function":{"name":{},"parameters":[]}}]', '"required"'],
  ...[
    '{"type":"function","function":{"name":"f"}}',
    '[{"type":"text"}]',
    '[{"type":"text","text":{}}]',
    '"a@example.org"',
  ],
  ...[
    '[{"type":"image_url","image_url":null}]',
    '[{"function":{"arguments":{"a":[1]}}}]',
    '[{"function":{"arguments":7}}]',
  ],
  ...SCHEMAS.map((schema) => `{"type":"json_schema","json_schema":{"schema":${schema}}}`),
];
const QUESTION =
  'A river flows at 3 km per hour. How far does a boat drift in 5 hours, and how long does it take to row back at 7 km per hour?';

describe('whatever a body holds', () => {
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
        { id: 'toy', tier: 'local', provider: 'simulated', model: 'toy', capabilities: ['tools', 'vision', 'json'] },
      ],
      models: [
        ...STRATEGIES.map((strategy) => ({ name: strategy, strategy, targets: ['cheap', 'dear'], strongShare: 0.5 })),
        { name: 'auto', strategy: 'cascade', targets: ['cheap', 'dear'], strongShare: 0.5 },
      ] as NonNullable<Parameters<typeof startRouter>[0]['models']>,
      privacy: { localOnly: true },
      resilience: { retries: 0 },
    });
    for (const upstream of [cheap, dear]) upstream.always(answer('{"a":[1,{"b":null}],"c":"d"}'));
  });
  afterAll(async () => {
    await router.close();
    await Promise.all([cheap.close(), dear.close()]);
  });

  it.each(SCHEMAS)('F10 a schema that cannot be checked, %s, is not checked', async (schema) => {
    const format = `{"type":"json_schema","json_schema":{"name":"n","schema":${schema}}}`;
    const body = (stream: boolean) =>
      `{"model":"cascade","stream":${stream},"messages":${JSON.stringify(ask(QUESTION))},"response_format":${format}}`;
    expect((await post(router.url + CHAT, body(false))).status).toBe(200);
    expect((await post(router.url + CHAT, body(true))).status).toBe(200);
    const request = JSON.parse(body(false)) as Parameters<typeof checkAnswer>[0];
    const choices = [{ message: { content: '{"a":[1,{"b":null}]}' }, logprobs: { content: [null, 7, {}] } }];
    expect(() => checkAnswer(request, { choices })).not.toThrow();
  });

  it('F10 no body makes a 5xx, over all routes, strategies and fields', async () => {
    const seed = 20_261_126;
    const random = seeded(seed);
    const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const odd = (): string => one(ODD);
    const message = (): string => {
      const rest = random() < 0.5 ? `,"${one(OF_MESSAGES)}":${odd()}` : '';
      return `{"role":"${one(ROLES)}","content":${random() < 0.7 ? JSON.stringify(one([QUESTION, 'hi'])) : odd()}${rest}}`;
    };
    const body = (): string => {
      const fields = Array.from({ length: Math.floor(random() * 4) }, () => `"${one(FIELDS)}":${odd()}`);
      const head = `"model":"${one([...STRATEGIES, 'toy', 'auto'])}","stream":${one(['true', 'false', 'null'])}`;
      const list = Array.from({ length: 1 + Math.floor(random() * 3) }, message);
      return `{${[head, `"messages":${random() < 0.95 ? `[${list.join(',')}]` : odd()}`, ...fields].join(',')}}`;
    };
    const question = (): string => {
      const names = ['query', 'strategy', 'session_id', 'model', 'max_tokens', 'score', 'request_id', 'comment'];
      const fields = [...new Set([one(names), one(names), 'query'])].map((name) => `"${name}":${odd()}`);
      return `{${fields.join(',')}}`;
    };
    const calls: readonly (() => readonly [string, string])[] = [
      () => [CHAT, body()],
      () => [CHAT, body()],
      () => ['/v1/route', random() < 0.5 ? body() : question()],
      () => ['/query', question()],
      () => ['/v1/feedback', question()],
    ];
    const counts = new Map<number, number>();
    const end = performance.now() + 2_000;
    const worker = async (): Promise<void> => {
      while (performance.now() < end) {
        const [path, text] = one(calls)();
        const session: Record<string, string> =
          random() < 0.4 ? { 'x-session-id': `s${Math.floor(random() * 4)}` } : {};
        const response = await post(router.url + path, text, session);
        const got = await response.text();
        counts.set(response.status, (counts.get(response.status) ?? 0) + 1);
        const ok = response.status < 500 && !got.includes('"server_error"');
        if (!ok) throw new Error(`${response.status} ${path} ${text} -> ${got.slice(0, 300)} (seed ${seed})`);
        if (random() < 0.05) expect((await fetch(`${router.url}/v1/sessions/s1`)).status).toBeLessThan(500);
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    expect(counts.get(200)).toBeGreaterThan(0);
    const told = [...counts].sort().map(([status, count]) => `${status} x ${count}`);
    figure('F10', `odd JSON in every field for 2 s: ${told.join(', ')}`);
  }, 20_000);

  const MIB4 = 4 * 1024 * 1024;
  const inX = (unit: string, count = Infinity): string => {
    const [front, back] = [`{"model":"auto","messages":${JSON.stringify(ask('hi'))},"x":[`, `${unit.slice(0, -1)}]}`];
    const room = Math.floor((MIB4 - front.length - back.length) / unit.length);
    return front + unit.repeat(Math.min(count, room)) + back;
  };
  const said = (content: string): string => `{"model":"auto","messages":[{"role":"user","content":"${content}"}]}`;
  const listed = (name: string, unit: string, count: number): string =>
    `{"model":"auto","messages":${JSON.stringify(ask('hi'))},"${name}":[${unit.repeat(count)}${unit.slice(0, -1)}]}`;
  const named = (name: (i: number) => string): string =>
    `{"model":"auto","messages":${JSON.stringify(ask('hi'))},${Array.from({ length: 29_000 }, (_, i) => `"${name(i)}":1`).join(',')}}`;
  const BODIES: Record<string, () => string> = {
    prose: () => said('word '.repeat(800_000)),
    'escaped prose': () => said('\\"\\n'.repeat(1_000_000)),
    emoji: () => said('\\ud83d\\ude80'.repeat(340_000)),
    'tiny messages': () => `{"messages":[${'{"role":"user","content":"hi"},'.repeat(135_000)}{}],"model":"auto"}`,
    'empty objects': () => inX('{},'),
    'nested lists': () => inX(`${'['.repeat(100)}${']'.repeat(100)},`),
    numbers: () => inX('1,'),
    'long numbers': () => inX('123456789.123456789e10,'),
    'as many numbers as are read': () => inX('1234567,', 290_000),
    'one number': () => `{"x":${'1'.repeat(MIB4)}}`,
    'as many messages as are read': () =>
      `{"model":"auto","messages":[${'{"role":"user","content":"hi"},'.repeat(14_000)}{"role":"user","content":"hi"}]}`,
    'messages that are none': () => `{"model":"auto","messages":[${'1,'.repeat(290_000)}1]}`,
    'messages that are wrong': () => `{"model":"auto","messages":[${'{"content":7},'.repeat(19_000)}{}]}`,
    'parts that are none': () => `{"model":"auto","messages":[{"role":"user","content":[${'1,'.repeat(290_000)}1]}]}`,
    'stops that are none': () => listed('stop', '1,', 290_000),
    stops: () => listed('stop', '"a",', 290_000),
    'tools that are none': () => listed('tools', '7,', 290_000),
    'many fields': () => named((i) => `k${i}`),
    'one field, many times': () => named(() => 'k'),
    'a read field, many times': () => named(() => 'seed'),
    'names like indexes': () => named((i) => String((i * 7919) % 1_000_003)),
  };
  /** As many times what JSON.parse alone takes for 4 MiB of small objects; the worst body takes 2. */
  const MOST = 6;
  it.each(Object.keys(BODIES))('F08 4 MiB of %s: bounded work', async (name) => {
    const bytes = Buffer.from(BODIES[name]!());
    const read = (): string => {
      try {
        const body = parseJsonBody(bytes);
        const checked = chatRequestSchema.safeParse(body);
        if (!checked.success) return `refused: ${checked.error.issues[0]?.message}`;
        withSentText(checked.data, body);
        return 'read';
      } catch (error) {
        return `refused: ${(error as Error).message}`;
      }
    };
    expect(read()).toMatch(/^(read$|refused: )/);
    const whole = BODIES['tiny messages']!();
    expect(await timesAsLong(read, () => JSON.parse(whole) as unknown)).toBeLessThan(MOST);
  });

  it.each([
    ['tiny messages', '30000 fields'],
    ['empty objects', '20000 objects and lists'],
    ['numbers', '300000 values'],
  ])('F08 %s: a 400 that names the limit', async (name, limit) => {
    const response = await post(router.url + CHAT, BODIES[name]!());
    const { error } = await jsonOf<{ error: { message: string } }>(response);
    expect([response.status, error.message]).toEqual([400, expect.stringContaining(limit)]);
  });
});

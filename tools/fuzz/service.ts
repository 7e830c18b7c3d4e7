import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RedisServer } from '../../test/support/redis-server.js';
import { RouterProcess, type RouterConfigInput } from '../../test/support/router-process.js';
import {
  answer,
  closeBeforeBytes,
  contextLengthExceeded,
  htmlPage,
  rateLimited,
  status,
} from '../../test/support/upstream-behaviours.js';
import type { Behaviour } from '../../test/support/upstream-script.js';
import { cutAfter, endAfter, errorInStream, invalidJsonAt, noDone } from '../../test/support/upstream-twists.js';
import { UpstreamServer } from '../../test/support/upstream-server.js';
import type { Operation } from './api.js';
import type { CallsOptions } from './calls.js';
import type { KnownNames } from './schema-arbitrary.js';

const TEXT = 'Paris is the capital of France';
/** What a model server gets wrong, in turn. */
const ODDITIES: readonly Behaviour[] = [
  status(500),
  answer(TEXT, {}, cutAfter(2)),
  answer(TEXT),
  closeBeforeBytes(),
  answer(TEXT, {}, endAfter(1)),
  htmlPage(),
  answer(TEXT, {}, invalidJsonAt(1)),
  rateLimited(1),
  answer(TEXT, {}, errorInStream(1)),
  contextLengthExceeded,
  answer(TEXT, {}, noDone),
];
const ODD = 'odd-model';
const FORGET_REQUESTS_MS = 500;
const SETTLE_MS = 10_000;
const POLL_MS = 50;

const LIMITLESS = {
  requestsPerMinute: 10_000_000,
  tokensPerMinute: 2_000_000_000,
  concurrent: 10_000,
  usdPerMonth: 1e9,
};
const KEYS = {
  chat: { tenant: 'acme', scopes: ['chat'], limits: LIMITLESS },
  limited: {
    tenant: 'acme',
    scopes: ['chat'],
    limits: { requestsPerMinute: 120, tokensPerMinute: 20_000, concurrent: 2, usdPerMonth: 1 },
  },
  /** Of a tenant with a target of its own, which it may take out of rotation. */
  admin: { tenant: 'ops', scopes: ['admin'], limits: LIMITLESS },
  monitor: { tenant: 'acme', scopes: ['admin'], limits: LIMITLESS },
  operator: { tenant: 'acme', scopes: ['chat', 'operator'], limits: LIMITLESS },
} as const;
type KeyName = keyof typeof KEYS;
const NAMES = Object.keys(KEYS) as KeyName[];
const keyText = (name: KeyName): string => `fuzz-${name}-key`;

function configFor(good: UpstreamServer, odd: UpstreamServer, redis: RedisServer | null): RouterConfigInput {
  const target = { tier: 'local', provider: 'openai', baseUrl: good.baseUrl, model: good.model } as const;
  return {
    server: { corsOrigins: ['https://app.example.com'] },
    targets: [
      { ...target, id: 'local', price: { input: 0, output: 0 } },
      {
        ...target,
        id: 'large',
        tier: 'cloud',
        price: { input: 2, output: 8 },
        capabilities: ['tools', 'json', 'vision', 'reasoning'],
      },
      { id: 'simulated', tier: 'local', provider: 'simulated' },
      { id: 'vectors', tier: 'local', provider: 'simulated', capabilities: ['embeddings'] },
      { ...target, id: 'spare' },
      { ...target, id: 'odd', baseUrl: odd.baseUrl, model: odd.model },
    ],
    models: [
      { name: 'auto', strategy: 'hybrid', targets: ['local', 'large', 'spare'] },
      { name: 'careful', strategy: 'cascade', targets: ['local', 'large'] },
      { name: ODD, strategy: 'priority', targets: ['odd'] },
    ],
    tenants: { ops: { targets: ['spare'] } },
    auth: {
      keys: NAMES.map((name) => ({
        id: name,
        user: name,
        sha256: createHash('sha256').update(keyText(name)).digest('hex'),
        tenant: KEYS[name].tenant,
        scopes: [...KEYS[name].scopes],
        limits: KEYS[name].limits,
      })),
    },
    ...(redis ? { redis: { url: redis.url } } : {}),
  };
}

const FATAL = 60;

const repeated = (names: Readonly<Partial<Record<KeyName, number>>>): string[] =>
  Object.entries(names).flatMap(([name, times]) => Array<string>(times).fill(keyText(name as KeyName)));
const STRANGERS = ['no-such-key', null];
const CHAT_KEYS = [...repeated({ chat: 14, limited: 2, operator: 2, monitor: 1 }), ...STRANGERS];
const ADMIN_KEYS = [...repeated({ admin: 6, monitor: 3, operator: 3, chat: 1 }), ...STRANGERS];
/** Only the tenant with a target of its own may take it out of rotation: the others are for everybody. */
const DRAIN_KEYS = [...repeated({ admin: 6, chat: 1 }), ...STRANGERS];

function keysFor({ path }: Operation): readonly (string | null)[] {
  if (path.endsWith('/drain')) return DRAIN_KEYS;
  return path.startsWith('/admin/') ? ADMIN_KEYS : CHAT_KEYS;
}

const SESSIONS = ['s1', 's2', 'fuzz:3'];
const NAMES_KNOWN: KnownNames = {
  model: ['auto', 'careful', 'local', 'large', 'simulated', 'vectors', ODD],
  id: [...SESSIONS, 'auto', 'local', 'spare'],
  session_id: SESSIONS,
  conversation: SESSIONS,
  background: [false],
  stream: [true, false],
  'x-session-id': SESSIONS,
  'x-router-strategy': ['hybrid', 'learned', 'cascade', 'rules', 'cost', 'latency', 'weighted', 'priority'],
  strategy: ['hybrid', 'rules', 'cascade', 'cost', 'latency'],
  'idempotency-key': ['k1', 'k2', 'k3'],
  'cache-control': ['no-cache', 'no-store'],
  role: ['user', 'user', 'system', 'assistant', 'tool', 'developer'],
  content: ['What is the capital of France?', 'hello', 'Prove that the square root of 2 is irrational.'],
  request_id: ['latest'],
  tenant: ['acme', 'ops'],
  format: ['json', 'csv'],
};

const STORED_RESPONSES = 16;
/** Of those; the others are gone on from. */
const ERASED_RESPONSES = 8;

/** Of responses that are stored: their ids say where they are, so that nobody can make one up. */
async function storedResponses(url: URL): Promise<string[]> {
  const body = JSON.stringify({ model: 'simulated', input: 'hello' });
  const headers = { authorization: `Bearer ${keyText('chat')}`, 'content-type': 'application/json' };
  const asked = Array.from({ length: STORED_RESPONSES }, async () => {
    const response = await fetch(new URL('/v1/responses', url), { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`POST /v1/responses: status ${response.status}`);
    return ((await response.json()) as { id: string }).id;
  });
  return Promise.all(asked);
}

const knownWith = (responses: readonly string[]): KnownNames => ({
  ...NAMES_KNOWN,
  previous_response_id: responses.slice(ERASED_RESPONSES),
  'GET /v1/responses/{id} id': responses.slice(ERASED_RESPONSES),
  'GET /v1/responses/{id}/input_items id': responses.slice(ERASED_RESPONSES),
  'DELETE /v1/responses/{id} id': responses.slice(0, ERASED_RESPONSES),
});

/** The real service as a process of its own, with one good and one bad model server behind it. */
export class ServiceUnderFuzz {
  readonly calls: CallsOptions;
  private readonly forgetting: NodeJS.Timeout;

  private constructor(
    private readonly router: RouterProcess,
    private readonly upstreams: readonly UpstreamServer[],
    private readonly redis: RedisServer | null,
    responses: readonly string[],
  ) {
    this.calls = { keysFor, known: knownWith(responses), oddModel: 'odd' };
    this.forgetting = setInterval(() => {
      for (const upstream of upstreams) upstream.requests.splice(0, upstream.requests.length);
    }, FORGET_REQUESTS_MS);
  }

  static async start(withRedis: boolean): Promise<ServiceUnderFuzz> {
    const redis = withRedis ? await RedisServer.start() : null;
    const [good, odd] = await Promise.all([UpstreamServer.start(), UpstreamServer.start({ model: ODD })]);
    let turn = 0;
    odd.always((request, model) => (ODDITIES[turn++ % ODDITIES.length] as Behaviour)(request, model));
    const watch = pathToFileURL(resolve('tools/fuzz/prototypes.mjs')).href;
    const router = await RouterProcess.start({
      config: configFor(good, odd, redis),
      env: { NODE_OPTIONS: `--import=${watch}` },
    });
    const responses = await storedResponses(new URL(router.url));
    return new ServiceUnderFuzz(router, [good, odd], redis, responses);
  }

  get url(): URL {
    return new URL(this.router.url);
  }

  /** What the requests left behind that should not be there: waits a moment for what is under way. Ends the service. */
  async remains(): Promise<string[]> {
    const held = await this.heldAtLast();
    clearInterval(this.forgetting);
    const exit = await this.router.stop();
    const log = this.router.log.filter((line) => line['msg'] === 'unexpected error' || Number(line['level']) >= FATAL);
    const prototypes = this.router.output.findLast((line) => line.startsWith('prototypes: '));
    return [
      ...held,
      ...(exit.code === 0 ? [] : [`the service ended with ${exit.code ?? exit.signal}`]),
      ...(prototypes === 'prototypes: []' ? [] : [prototypes ?? 'the service did not tell about its prototypes']),
      ...new Set(log.map((line) => `in the log: ${JSON.stringify({ msg: line['msg'], err: line['err'] })}`)),
    ];
  }

  async close(): Promise<void> {
    clearInterval(this.forgetting);
    await this.router.kill();
    await Promise.all(this.upstreams.map((upstream) => upstream.close()));
    await this.redis?.close();
  }

  /** Calls in flight or waiting, once they have had time to end. */
  private async heldAtLast(): Promise<string[]> {
    const end = performance.now() + SETTLE_MS;
    for (;;) {
      const held = await this.held();
      if (held.length === 0 || performance.now() > end) return held;
      await new Promise((settle) => setTimeout(settle, POLL_MS));
    }
  }

  private async held(): Promise<string[]> {
    const headers = { authorization: `Bearer ${keyText('operator')}` };
    const response = await fetch(new URL('/admin/targets', this.url), { headers });
    const targets = (await response.json()) as { id: string; in_flight: number; queued: number }[];
    return targets
      .filter(({ in_flight, queued }) => in_flight + queued > 0)
      .map(({ id, in_flight, queued }) => `target ${id} has ${in_flight} calls in flight and ${queued} waiting`);
  }
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config-error.js';
import type { Environment } from './config-text.js';
import { configJsonSchemaText } from './json-schema.js';
import { loadConfig, parseConfig } from './load-config.js';

const DIGEST = 'a'.repeat(64);
const KEY = `{ id: k, sha256: ${DIGEST}, tenant: t, user: u }`;
const TARGET = '{ id: a, tier: cloud, baseUrl: "http://h/v1", model: m }';

function problemsOf(load: () => unknown): Record<string, string> {
  try {
    load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]));
  }
  return {};
}
const parse = (yaml: string, env: Environment = {}) => parseConfig(yaml, env, 'test.yaml');
const problems = (yaml: string, env: Environment = {}) => problemsOf(() => parse(yaml, env));

describe('a configuration file', () => {
  it('may be empty', () => expect(parse('# nothing\n').server.port).toBe(8080));

  it('takes numbers and booleans from unquoted placeholders', () => {
    const yaml = 'server: { port: ${PORT:-81} }\ncache:\n  enabled: ${CACHE}\nlimits: { usdPerMonth: ${USD} }';
    const { server, cache, limits } = parse(yaml, { CACHE: 'false', USD: '1.5' });
    expect([server.port, cache.enabled, limits.usdPerMonth]).toEqual([81, false, 1.5]);
  });

  it('takes targets of provider anthropic, at Anthropic or in Azure, with their prices', () => {
    const at = (place: string) => parse(`targets: [{ id: a, tier: cloud, provider: anthropic, ${place} }]`).targets[0];
    const price = { input: 3, output: 15, cachedInput: 0.3, cacheWrite: 3.75 };
    expect(at('model: claude-sonnet-4-6')).toMatchObject({
      ...{ baseUrl: 'https://api.anthropic.com', price: { ...price, list: 'anthropic' } },
    });
    const foundry = 'endpoint: "https://acme.services.ai.azure.com"';
    expect(at(`${foundry}, deployment: claude-sonnet-4-6`)).toMatchObject({ price });
    expect(at(`${foundry}, deployment: ours`)).not.toHaveProperty('baseUrl');
    expect(at('model: claude-sonnet-4-6, baseUrl: "https://proxy.acme.example"')).not.toHaveProperty('price');
  });

  it.each([
    ['', 'model', 'required for provider anthropic'],
    [
      'model: m, capabilities: [tools, embeddings]',
      'capabilities',
      'Anthropic makes no embeddings; leave `embeddings` out, and give a target of another provider',
    ],
    ['deployment: d', 'endpoint', 'required for provider anthropic with a deployment'],
    ['endpoint: "https://h"', 'deployment', 'required for provider anthropic with an endpoint'],
    ['model: m, apiVersion: banana', 'apiVersion', 'is a date'],
    ['endpoint: "https://h", deployment: d, baseUrl: "https://h"', 'baseUrl', 'leave one of them out'],
  ])('says what a target of provider anthropic with "%s" lacks', (place, field, message) => {
    const yaml = `targets: [{ id: a, tier: cloud, provider: anthropic, ${place} }]`;
    expect(problems(yaml)).toEqual({ [`targets[0].${field}`]: expect.stringContaining(message) });
  });

  it('leaves text that looks like a number alone where text is wanted', () => {
    const yaml = 'targets: [{ id: a, tier: cloud, baseUrl: "http://h/v1", model: ${M}, apiKey: ${K} }]';
    expect(parse(yaml, { M: '4', K: '0123' }).targets[0]).toMatchObject({ model: '4', apiKey: '0123' });
  });

  it.each<[string, string, Record<string, string>]>([
    ['a misspelt key', 'server: { prot: 1 }', { 'server.prot': 'did you mean "port"?' }],
    ['a key of another place', 'cache: { port: 1 }', { 'cache.port': 'known here: enabled' }],
    [
      'a misspelt key of a tenant',
      'tenants: { acme: { limits: { requestPerMinute: 1 }, target: [a] } }',
      { 'tenants.acme.limits.requestPerMinute': '"requestsPerMinute"', 'tenants.acme.target': '"targets"' },
    ],
    ['a misspelt section', 'target: []', { target: 'did you mean "targets"?' }],
    [
      'a misspelt key in a list',
      `targets: [{ id: a, tier: cloud, base_url: x }]`,
      { 'targets[0].base_url': '"baseUrl"' },
    ],
    ['a quoted number', 'server: { port: "${PORT:-80}" }', { 'server.port': 'expected number' }],
    ['a placeholder that is no number', 'server: { port: ${PORT:-x} }', { 'server.port': 'expected number' }],
    ['a wrong choice', 'cache: { scope: all }', { 'cache.scope': 'expected one of "user"|"tenant"|"global"' }],
    ['a missing field', 'targets: [{ id: a, provider: simulated }]', { 'targets[0].tier': 'missing' }],
    ['a union', 'cosmos: { endpoint: ftp://x }', { 'cosmos.endpoint': 'expected an http:// or https:// URL' }],
    ['a union of another type', 'redis: { url: 5 }', { 'redis.url': 'redis:// or rediss:// URL' }],
    ['not a map', '[1, 2]', { '(file)': 'expected object' }],
    ['bad YAML', 'server:\n  port: [1', { 'line 2, column 11': '' }],
    ['an id twice', `targets: [${TARGET}, ${TARGET}]`, { 'targets[1].id': 'used twice' }],
    [
      'a target named auto',
      `targets: [${TARGET.replace('id: a', 'id: auto')}]`,
      { 'targets[0].id': 'name of a model' },
    ],
    ['an API key', `targets: [${TARGET.replace('}', ', apiKey: sk-1 }')}]`, { 'targets[0].apiKey': 'write ${VAR}' }],
    [
      'an API key as a default',
      `targets: [${TARGET.replace('}', ', apiKey: ${K:-sk-1} }')}]`,
      { 'targets[0].apiKey': '${VAR}' },
    ],
    ['a Cosmos key', 'cosmos: { key: abc }', { 'cosmos.key': 'write ${VAR}' }],
    ['a Redis password', 'redis: { url: "redis://:pw@h:1" }', { 'redis.url': 'write ${VAR}' }],
    ['a Redis password as a default', 'redis: { url: "${R:-redis://u:pw@h:1}" }', { 'redis.url': 'write ${VAR}' }],
    [
      'a storage account key',
      'tables: { connectionString: "AccountKey=x" }',
      { 'tables.connectionString': 'write ${VAR}' },
    ],
    [
      'a literal in a header of the collector',
      'telemetry: { otlpHeaders: { api-key: abc, x.y: "${K:-abc}" } }',
      { 'telemetry.otlpHeaders.api-key': 'write ${VAR}', 'telemetry.otlpHeaders.x.y': 'write ${VAR}' },
    ],
    [
      'a header of the collector that HTTP sets',
      'telemetry: { otlpHeaders: { Content-Length: "${K:-}", host: "${K:-}", transfer-encoding: "${K:-}" } }',
      {
        'telemetry.otlpHeaders.Content-Length': 'leave it out',
        'telemetry.otlpHeaders.host': 'leave it out',
        'telemetry.otlpHeaders.transfer-encoding': 'leave it out',
      },
    ],
    [
      'a user name in the address of the collector',
      'telemetry: { otlpEndpoint: "http://u:p@h:4318" }',
      { 'telemetry.otlpEndpoint': 'telemetry.otlpHeaders' },
    ],
    [
      'a query in the address of the collector',
      'telemetry: { otlpEndpoint: "http://h:4318/?k=1" }',
      { 'telemetry.otlpEndpoint': 'no query' },
    ],
    [
      'a fragment in the address of the collector',
      'telemetry: { otlpEndpoint: "http://h:4318/#k" }',
      { 'telemetry.otlpEndpoint': 'no fragment' },
    ],
    ...['traces', 'metrics/', 'logs'].map((signal): [string, string, Record<string, string>] => [
      'the address of one signal',
      `telemetry: { otlpEndpoint: "http://h/otlp/v1/${signal}" }`,
      { 'telemetry.otlpEndpoint': `leave out /v1/${signal}` },
    ]),
    [
      'an open address without keys',
      'server: { host: 0.0.0.0 }',
      { 'server.host': 'add auth.keys or auth.jwt, or listen' },
    ],
  ])('is refused for %s', (_, yaml, expected) => {
    const found = problems(yaml);
    const matching = Object.entries(expected).map(([path, text]) => [path, expect.stringContaining(text) as string]);
    expect(found).toMatchObject(Object.fromEntries(matching));
    const required = ['targets[0].baseUrl', 'targets[0].model'];
    expect(Object.keys(found).filter((path) => !required.includes(path))).toEqual(Object.keys(expected));
  });

  it('accepts secrets from the environment, also within a URL', () => {
    const { redis } = parse('redis: { url: "redis://:${PW}@h:6379" }', { PW: 'x' });
    expect(redis.url).toBe('redis://:x@h:6379');
    expect(parse('redis: { url: redis://h:6379 }').redis.url).toBe('redis://h:6379');
  });

  it.each(['a\r\nx: y', 'a\n', 'a\u0000b', 'a\u007f', 'kl\u0142ucz'])(
    'is refused for a header of the collector that HTTP could not send: %j, which is not repeated',
    (value) => {
      const yaml = 'telemetry: { otlpHeaders: { authorization: "${VALUE}" } }';
      const found = problems(yaml, { VALUE: value });
      expect(found).toEqual({ 'telemetry.otlpHeaders.authorization': expect.stringContaining('control characters') });
      expect(JSON.stringify(found)).not.toContain(JSON.stringify(value).slice(1, -1));
    },
  );

  it('takes the base URL of a collector with a path, and its headers from the environment', () => {
    const yaml =
      'telemetry: { otlpEndpoint: "https://h/otlp/", otlpHeaders: { authorization: "Bearer ${T}", x-key: "${K}" } }';
    expect(parse(yaml, { T: 'token', K: 'key' }).telemetry).toMatchObject({
      otlpEndpoint: 'https://h/otlp/',
      otlpHeaders: { authorization: 'Bearer token', 'x-key': 'key' },
    });
  });

  it('may listen anywhere with a key', () => {
    expect(parse(`server: { host: 0.0.0.0 }\nauth: { keys: [${KEY}] }`).server.host).toBe('0.0.0.0');
  });

  it('has all problems listed at once: shapes, references, secrets, variables and the address', () => {
    const yaml = `
server: { prot: 1, host: 0.0.0.0 }
cosmos: { key: abc }
targets:
  - { id: a, tier: clowd, baseUrl: "\${BASE}", model: m }
  - { id: b, tier: local }
models: [{ name: m, targets: [a, nope] }]
limits: { requestsPerMinute: 0 }
tables: []`;
    expect(Object.keys(problems(yaml)).sort()).toEqual([
      'cosmos.key',
      'limits.requestsPerMinute',
      'models[0].targets[1]',
      'server.host',
      'server.prot',
      'tables',
      'targets[0].baseUrl',
      'targets[0].tier',
      'targets[1].baseUrl',
      'targets[1].model',
    ]);
  });

  it('does not blame a reference for the target it names being wrong', () => {
    const yaml = `targets: [{ id: "my target", tier: cloud, baseUrl: "http://h/v1", model: m }]
models: [{ name: m, targets: [other] }]
tenants: { acme: { targets: [other] } }`;
    expect(Object.keys(problems(yaml))).toEqual(['targets[0].id']);
  });

  it('tells of wrong names beside a key whose shape is wrong, once for each value', () => {
    const yaml = `targets: [${TARGET}, { id: b, tier: cloud, baseUrl: ftp://h }]
models: [{ name: m, targets: [nope], weights: { a: 1 } }, { name: m, targets: [a, b] }]
tenants: { acme: { targets: [nope] } }
auth: { keys: [{ id: k, sha256: x, tenant: [t], user: u }, ${KEY}] }`;
    expect(problems(yaml)).toEqual({
      'targets[1].baseUrl': 'expected an http:// or https:// URL',
      'targets[1].model': 'required for provider openai',
      'models[0].targets[0]': 'no target has the id "nope"; known: a, b',
      'models[0].weights.a': '"a" is not among this model\'s targets',
      'models[1].name': 'model name "m" is used twice',
      'tenants.acme.targets[0]': 'no target has the id "nope"',
      'auth.keys[0].sha256': 'expected the SHA-256 of the key as 64 hex digits',
      'auth.keys[0].tenant': 'expected string, received array',
      'auth.keys[1].id': 'key id "k" is used twice',
    });
  });

  it.each([
    ['[b]', 'models[0].strong[0]', '"b" is not among this model\'s targets'],
    ['[a, c]', 'models[0].strong[1]', '"c" is not among this model\'s targets'],
    ['[]', 'models[0].strong', 'expected array to have >=1 items'],
    ['a', 'models[0].strong', 'expected array, received string'],
  ])('refuses strong: %s', (strong, path, message) => {
    const yaml = `targets: [{ id: a, tier: local, baseUrl: "http://h/v1", model: m }, { id: b, tier: local, provider: simulated }]
models: [{ name: m, targets: [a], strong: ${strong} }]`;
    expect(problems(yaml)).toEqual({ [path]: expect.stringContaining(message) });
  });

  it('never puts a value of a secret in a message', () => {
    const yaml = 'redis: { url: "${URL}" }\ncosmos: { key: hunter2 }';
    expect(JSON.stringify(problems(yaml, { URL: 'hunter2://x' }))).not.toContain('hunter2');
  });
});

describe('loadConfig', () => {
  let cwd: string;
  beforeEach(() => (cwd = mkdtempSync(join(tmpdir(), 'router-config-'))));
  afterEach(() => rmSync(cwd, { recursive: true }));

  it('is the embedded default without a file; PORT and HOST say where to listen', () => {
    const { config, source } = loadConfig({ env: { PORT: '0', HOST: '::1' }, cwd });
    expect([source, config.server.port, config.server.host]).toEqual([null, 0, '::1']);
    expect(loadConfig({ env: {}, cwd }).config.server).toMatchObject({ host: '127.0.0.1', port: 8080 });
  });

  it.each([
    [{ PORT: 'x' }, 'PORT'],
    [{ PORT: '70000' }, 'PORT'],
    [{ HOST: '0.0.0.0' }, 'HOST'],
  ])('refuses %j', (env, path) => {
    expect(Object.keys(problemsOf(() => loadConfig({ env, cwd })))).toEqual([path]);
  });

  it('reads router.config.yaml of the working directory', () => {
    const file = join(cwd, 'router.config.yaml');
    writeFileSync(file, 'server: { port: 1 }');
    expect(loadConfig({ env: { PORT: '2' }, cwd })).toMatchObject({ source: file, config: { server: { port: 1 } } });
  });

  it('reads the file that ROUTER_CONFIG names', () => {
    writeFileSync(join(cwd, 'router.config.yaml'), 'server: { port: 1 }');
    writeFileSync(join(cwd, 'other.yaml'), 'server: { port: 3 }');
    expect(loadConfig({ env: { ROUTER_CONFIG: 'other.yaml' }, cwd }).config.server.port).toBe(3);
  });

  it('refuses a named file that is not there', () => {
    const found = problemsOf(() => loadConfig({ env: { ROUTER_CONFIG: 'gone.yaml' }, cwd }));
    expect(found).toEqual({ [join(cwd, 'gone.yaml')]: 'no such file' });
  });

  it('refuses a directory', () => {
    expect(Object.values(problemsOf(() => loadConfig({ env: { ROUTER_CONFIG: '.' }, cwd })))).toEqual([
      'cannot be read (EISDIR)',
    ]);
  });
});

describe('router.config.example.yaml', () => {
  const text = readFileSync('router.config.example.yaml', 'utf8');
  it('is valid', () => expect(parse(text).targets).toHaveLength(4));
  it('tells editors its schema', () => {
    expect(text.split('\n', 1)[0]).toBe('# yaml-language-server: $schema=./router.config.schema.json');
  });
  it('shows every key', () => {
    const keys = [...configJsonSchemaText().matchAll(/"properties": \{|"(\w+)": \{/g)].flatMap(([, key]) => key ?? []);
    const known = new Set(
      keys.filter((key) => !/^(items|properties|additionalProperties|propertyNames|default)$/.test(key)),
    );
    expect(known.size).toBeGreaterThan(80);
    expect([...known].filter((key) => !new RegExp(`\\b${key}:`).test(text))).toEqual([]);
  });
});

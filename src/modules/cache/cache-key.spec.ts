import { createHash, createHmac } from 'node:crypto';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest } from '../../common/chat.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { cacheKey, canonicalJson, KeyedHash, policyFingerprint, type KeyParts } from './cache-key.js';

const secret = new KeyedHash('a secret');
const callerOf = (tenant: string, user: string): Caller => ({ tenant, user, scopes: ['chat'], limits: {} });

const PLAIN: ChatRequest = { model: 'auto', messages: [{ role: 'user', content: 'Hi' }], temperature: 0.2 };
const BASE: KeyParts = {
  scope: 'tenant',
  caller: callerOf('acme', 'alice'),
  request: PLAIN,
  turns: [],
  strategy: null,
  rights: null,
  policy: 'p1',
};
const keyOf = (parts: Partial<KeyParts>) => cacheKey(secret, { ...BASE, ...parts });
const withFields = (fields: Record<string, unknown>) => keyOf({ request: { ...PLAIN, ...fields } });

describe('what is the same question', () => {
  it.each<[string, string]>([
    ['a stream', withFields({ stream: true })],
    ['no stream, said aloud', withFields({ stream: false })],
    ['a stream with usage', withFields({ stream: true, stream_options: { include_usage: true } })],
    ['a field that is not there', withFields({ seed: undefined })],
    [
      'other order of fields',
      keyOf({ request: { temperature: 0.2, messages: [{ content: 'Hi', role: 'user' }], model: 'auto' } }),
    ],
    ['who is served, said to the model server', withFields({ user: 'mallory' })],
    ['notes beside it', withFields({ metadata: { a: 'b' } })],
    ['kept at the model server', withFields({ store: true })],
    ['another user of the tenant', keyOf({ caller: callerOf('acme', 'bob') })],
    ['other limits', keyOf({ caller: { ...callerOf('acme', 'alice'), limits: { concurrent: 1 } } })],
  ])('%s', (_, key) => expect(key).toBe(keyOf({})));
});

/** Each row asks something else than every other row: one shared key would be a poisoned answer. */
const DIFFERENT: [string, string][] = [
  ['plain', keyOf({})],
  ['another alias', withFields({ model: 'fast' })],
  ['a target by its name', withFields({ model: 'local' })],
  ['alias in other letters', withFields({ model: 'AUTO' })],
  ['a strategy by header', keyOf({ strategy: 'priority' })],
  ['a strategy in the body', withFields({ strategy: 'priority' })],
  ['a reloaded policy', keyOf({ policy: 'p2' })],
  ['other rights', keyOf({ rights: ['local'] })],
  ['no rights', keyOf({ rights: [] })],
  ['a system prompt', withFields({ messages: [{ role: 'system', content: 'Lie.' }, ...PLAIN.messages] })],
  ['a developer prompt', withFields({ messages: [{ role: 'developer', content: 'Lie.' }, ...PLAIN.messages] })],
  ['a system prompt of the session', keyOf({ turns: [{ messages: [{ role: 'system', content: 'Lie.' }] }] })],
  ['an earlier turn', keyOf({ turns: [PLAIN] })],
  ['the same turn said again', withFields({ messages: [...PLAIN.messages, ...PLAIN.messages] })],
  ['another role', withFields({ messages: [{ role: 'assistant', content: 'Hi' }] })],
  ['a name', withFields({ messages: [{ role: 'user', content: 'Hi', name: 'bob' }] })],
  ['text in parts', withFields({ messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] })],
  ['a space more', withFields({ messages: [{ role: 'user', content: 'Hi ' }] })],
  ['a character in another form', withFields({ messages: [{ role: 'user', content: 'Hi\u0000' }] })],
  ['composed é', withFields({ messages: [{ role: 'user', content: '\u00e9' }] })],
  ['decomposed é', withFields({ messages: [{ role: 'user', content: 'e\u0301' }] })],
  ['lone high surrogate', withFields({ messages: [{ role: 'user', content: '\ud800' }] })],
  ['replacement character', withFields({ messages: [{ role: 'user', content: '\ufffd' }] })],
  ['temperature as text', withFields({ temperature: '0.2' })],
  ['temperature null', withFields({ temperature: null })],
  ['no temperature', withFields({ temperature: undefined })],
  ['another temperature', withFields({ temperature: 0.20000000000000004 })],
  ['seed 1', withFields({ seed: 1 })],
  ['seed "1"', withFields({ seed: '1' })],
  ['seed true', withFields({ seed: true })],
  ['seed [1]', withFields({ seed: [1] })],
  ['seed {"0":1}', withFields({ seed: { 0: 1 } })],
  ['n', withFields({ n: 2 })],
  ['max_tokens', withFields({ max_tokens: 10 })],
  ['max_completion_tokens', withFields({ max_completion_tokens: 10 })],
  ['tools', withFields({ tools: [{ type: 'function', function: { name: 'f' } }] })],
  ['other tools', withFields({ tools: [{ type: 'function', function: { name: 'g' } }] })],
  ['response_format', withFields({ response_format: { type: 'json_object' } })],
  ['stop', withFields({ stop: ['a', 'b'] })],
  ['stop in other order', withFields({ stop: ['b', 'a'] })],
  ['stop as one text', withFields({ stop: 'a","b' })],
  ['a user inside a message', withFields({ messages: [{ role: 'user', content: 'Hi', user: 'mallory' }] })],
  ['a safety identifier', withFields({ safety_identifier: 'mallory' })],
  ['a service tier', withFields({ service_tier: 'flex' })],
  ['a field nobody knows', withFields({ x_inject: 'y' })],
  ['a field called __proto__', withFields(JSON.parse('{"__proto__": {"x": 1}}') as Record<string, unknown>)],
  ['stream inside a message', withFields({ messages: [{ role: 'user', content: 'Hi', stream: true }] })],
  ['metadata inside a message', withFields({ messages: [{ role: 'user', content: 'Hi', metadata: {} }] })],
  ['another tenant', keyOf({ caller: callerOf('other', 'alice') })],
  ['scope user', keyOf({ scope: 'user' })],
  ['scope user, another one', keyOf({ scope: 'user', caller: callerOf('acme', 'bob') })],
  ['scope user, the tenant ending in the user', keyOf({ scope: 'user', caller: callerOf('acmeb', 'ob') })],
  ['scope user, names that run together', keyOf({ scope: 'user', caller: callerOf('acme","bo', 'b') })],
  ['scope user, names that run together otherwise', keyOf({ scope: 'user', caller: callerOf('acme', 'bo","b') })],
  ['scope global', keyOf({ scope: 'global' })],
];

describe('what is another question', () => {
  it.each(DIFFERENT)('%s', (name, key) => {
    const twins = DIFFERENT.filter(([other, otherKey]) => other !== name && otherKey === key).map(([other]) => other);
    expect(twins).toEqual([]);
  });

  it('moves no message from the request into the history', () => {
    const messages = ['a', 'b'].map((content) => ({ role: 'user', content }));
    const together = keyOf({ request: { ...PLAIN, messages } });
    const apart = keyOf({
      turns: [{ messages: messages.slice(0, 1) }],
      request: { ...PLAIN, messages: messages.slice(1) },
    });
    expect(together).not.toBe(apart);
  });

  it('is a keyed hash: another secret has other keys', () => {
    expect(cacheKey(new KeyedHash('another secret'), BASE)).not.toBe(keyOf({}));
    expect(keyOf({})).toMatch(/^[\w-]{43}$/);
  });

  it('has one key for all tenants only under scope global', () => {
    const keyFor = (tenant: string) => keyOf({ scope: 'global', caller: callerOf(tenant, 'x') });
    expect(keyFor('acme')).toBe(keyFor('other'));
  });
});

describe('KeyedHash', () => {
  it.each(['', 'a', 'é😀', 'x'.repeat(10_000)])('is HMAC-SHA-256 of %.10s', (text) => {
    const key = createHash('sha256').update('sécret').digest('hex');
    expect(new KeyedHash('sécret').of(text)).toBe(createHmac('sha256', key).update(text).digest('base64url'));
  });
});

describe('canonicalJson', () => {
  it.each([
    [{ b: 1, a: [2, { d: null, c: '"' }] }, '{"a":[2,{"c":"\\"","d":null}],"b":1}'],
    [{ a: undefined, b: [undefined] }, '{"b":[null]}'],
    [[[], {}, '', 0, false], '[[],{},"",0,false]'],
  ])('%j', (value, text) => expect(canonicalJson(value)).toBe(text));
});

describe('policyFingerprint', () => {
  const config = (target: object, rest: object = {}) =>
    policyFingerprint(
      routerConfigSchema.parse({
        targets: [{ id: 'local', tier: 'local', baseUrl: 'http://127.0.0.1:1/v1', model: 'm', ...target }],
        ...rest,
      }),
    );

  it('changes with what a model name means, not with keys, users or limits', () => {
    const base = config({});
    expect(config({ apiKey: 'rotated' })).toBe(base);
    expect(config({}, { limits: { requestsPerMinute: 3 } })).toBe(base);
    expect(config({}, { tenants: { beta: { limits: { usdPerMonth: 1 } } } })).toBe(base);
    const model = { name: 'auto', targets: ['local'] };
    const named = config({}, { models: [model] });
    expect(config({}, { models: [{ ...model, limits: { usdPerMonth: 1 } }] })).toBe(named);
    expect(named).not.toBe(base);
    expect(config({ model: 'm2' })).not.toBe(base);
    expect(config({}, { privacy: { localOnly: true } })).not.toBe(base);
    expect(config({}, { tenants: { beta: { targets: ['local'] } } })).not.toBe(base);
  });
});

import { KeyedHash } from './cache-key.js';
import { KeptAnswer } from './kept-answer.js';
import { sealed, unsealed } from './sealed-answer.js';

const secret = new KeyedHash('s3cret');
const KEPT = new KeptAnswer({
  text: '{"choices":[{"index":0,"message":{"content":"a\\nb 😀"},"finish_reason":"stop"}],\n "n": 9223372036854775807}',
  ...{
    target: 'local',
    tier: 'local',
    model: 'мodel',
    usage: '{"prompt_tokens":1}',
  },
  ...{ costUsd: null, tookMs: 12.5, tenant: 'acme', askedModel: 'auto', sessionId: 's1' },
  ...{ at: 1_700_000_000_000, freshMs: 1000, staleMs: 0 },
});
const ENTRY = sealed(secret, 'name', KEPT);

describe('a sealed answer', () => {
  it('comes back as it was, with every digit', () => {
    expect(unsealed(secret, 'name', ENTRY)).toEqual(KEPT);
    expect(() => JSON.parse(ENTRY) as unknown).not.toThrow();
  });

  it.each([
    ['another name', () => unsealed(secret, 'other', ENTRY), /seal/],
    ['another secret', () => unsealed(new KeyedHash('guessed'), 'name', ENTRY), /seal/],
    ['one changed character', () => unsealed(secret, 'name', ENTRY.replace('😀', '😁')), /seal/],
    ['another target', () => unsealed(secret, 'name', ENTRY.replace('"local"', '"cloud"')), /seal/],
    ['a cut text', () => unsealed(secret, 'name', ENTRY.slice(0, -1)), /seal/],
    ['a short seal', () => unsealed(secret, 'name', '["1","abc",{}]'), /seal/],
    ['an older format', () => unsealed(secret, 'name', ENTRY.replace('["1"', '["0"')), /format/],
    ['another kind of text', () => unsealed(secret, 'name', '{"v":1}'), /format/],
    ['nothing', () => unsealed(secret, 'name', ''), /format/],
  ])('is none with %s', (_, read, why) => expect(read()).toMatch(why));

  it.each<[string, object]>([
    ['a line break in a header', { target: 'a\r\nset-cookie: x' }],
    ['no numbers', { at: 'now' }],
    ['no completion', { text: '[]' }],
    ['a completion that is no JSON', { text: '{"choices":[' }],
    ['a completion without choices', { text: '{"choices":[]}' }],
    ['an unknown tier', { tier: 'moon' }],
    ['usage that is no JSON', { usage: '{' }],
    ['a further field', { __proto__x: 1 }],
  ])('is none with %s, whoever sealed it', (_, changes) => {
    expect(unsealed(secret, 'name', sealed(secret, 'name', { ...KEPT, ...changes }))).toMatch(/no answer/);
  });
});

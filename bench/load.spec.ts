import { assertCache, assertPlain, assertStream, Requests } from './load.js';
import { numberedBody, PLAIN_BYTES, requestBody } from './payloads.js';
import { PROMPTS } from './prompts.js';

const where = { port: 1, path: '/v1/chat/completions' };
const bodyOf = (bytes: Buffer) =>
  JSON.parse(bytes.toString().split('\r\n\r\n')[1]!) as { seed?: number; messages: { content: string }[] };

describe('the questions of a connection', () => {
  it('are 16 prompts of 60 to 2,500 characters', () => {
    const lengths = PROMPTS.map((prompt) => prompt.length);
    expect([new Set(PROMPTS).size, Math.min(...lengths), Math.max(...lengths)]).toEqual([16, 60, 2_500]);
  });

  it('come in turn from a place of their own, each with a number that no other connection has', () => {
    const bodies = PROMPTS.map((prompt) => numberedBody('plain', false, prompt));
    const connections = [new Requests({ ...where, bodies }), new Requests({ ...where, bodies }, 3)];
    const sent = Array.from({ length: 20 }, () => connections.map((one) => bodyOf(one.next()))).flat();
    expect(sent.map(({ messages }) => PROMPTS.indexOf(messages[0]!.content)).slice(0, 4)).toEqual([0, 3, 1, 4]);
    expect(new Set(sent.map(({ seed }) => seed)).size).toBe(40);
  });

  it('that are repeated keep the number they have, which no other one gets', () => {
    const bodies = PROMPTS.map((prompt) => numberedBody('plain', false, prompt));
    const [repeated, other] = [
      new Requests({ ...where, bodies, isRepeated: true }),
      new Requests({ ...where, bodies }),
    ];
    const seeds = bodies.map(() => bodyOf(repeated.next()).seed);
    expect(new Set(seeds).size).toBe(1);
    expect(bodies.map(() => bodyOf(other.next()).seed)).not.toContain(seeds[0]);
  });

  it('without a number stay as they are', () => {
    const questions = new Requests({ ...where, bodies: [requestBody('plain', false)] });
    expect(Buffer.from(questions.next())).toEqual(questions.next());
  });
});

describe('what counts as an answer', () => {
  const plain = { status: 200, head: 'HTTP/1.1 200 OK', length: PLAIN_BYTES };
  const stream = { path: '/v1', tail: 'data: [DONE]\n\n\r\n0\r\n\r\n', events: 67, chunks: 64 };

  it('from the cache is one that says so', () => {
    const hit = { ...plain, head: 'HTTP/1.1 200 OK\r\nx-router-cache: HIT\r\nage: 0' };
    assertCache(hit, 'HIT');
    expect(() => assertCache(hit, 'MISS')).toThrow('expected x-router-cache: MISS, got\nHTTP/1.1 200 OK');
    expect(() => assertCache(plain, 'HIT')).toThrow('expected x-router-cache: HIT');
  });

  it('is the whole of it', () => {
    assertPlain(plain, '/v1');
    assertStream(stream);
    assertStream({ ...stream, events: 68 });
  });

  it.each([
    ['an error', () => assertPlain({ ...plain, status: 503 }, '/v1')],
    ['a byte less', () => assertPlain({ ...plain, length: PLAIN_BYTES - 1 }, '/v1')],
    ['no length', () => assertPlain({ ...plain, length: null }, '/v1')],
    ['a chunk less', () => assertStream({ ...stream, events: 66 })],
    ['a chunk twice', () => assertStream({ ...stream, events: 69 })],
    ['no [DONE]', () => assertStream({ ...stream, tail: 'data: {"error":{}}\n\n\r\n0\r\n\r\n' })],
  ])('%s is none', (_, check) => expect(check).toThrow('/v1'));
});

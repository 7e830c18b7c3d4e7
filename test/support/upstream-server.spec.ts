import { setTimeout } from 'node:timers/promises';
import { request } from 'undici';
import type { ChatRequest, Completion } from '../../src/common/chat.js';
import { words } from './openai-answer.js';
import {
  answer,
  gzipBomb,
  hugeBody,
  neverAnswer,
  prefillRejected,
  rateLimited,
  resetBeforeBytes,
  toolCall,
  whenPrefilled,
} from './upstream-behaviours.js';
import { UpstreamServer } from './upstream-server.js';
import {
  bytesPerWrite,
  crlf,
  cutAfter,
  errorInStream,
  eventLines,
  invalidJsonAt,
  noDone,
  oneWrite,
  slowFirstToken,
  stallAfter,
} from './upstream-twists.js';

describe('UpstreamServer', () => {
  let upstream: UpstreamServer;
  beforeEach(async () => {
    upstream = await UpstreamServer.start({ model: 'm' });
  });
  afterEach(() => upstream.close());

  const call = (body: Partial<ChatRequest> = {}, signal?: AbortSignal) =>
    request(`${upstream.baseUrl}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }),
      ...(signal ? { signal } : {}),
    });
  const stream = async (body: Partial<ChatRequest> = {}) => (await call({ stream: true, ...body })).body.text();
  const payloads = (text: string) =>
    text
      .split(/\r?\n/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5).trim());
  const contents = (text: string) =>
    payloads(text)
      .filter((payload) => payload !== '[DONE]')
      .map((payload) => (JSON.parse(payload) as Completion).choices?.[0]?.delta?.content ?? '')
      .join('');

  it('answers plain and records the request', async () => {
    upstream.always(answer('two words', { logprobs: true, extra: { top: { x_top: 1 } } }));
    const response = await call({ n: 2 });
    const body = (await response.body.json()) as Completion;
    expect(body).toMatchObject({ model: 'm', x_top: 1, usage: { completion_tokens: 4 } });
    expect(body.choices?.map(({ index, message }) => [index, message?.content])).toEqual([
      [0, 'two words'],
      [1, 'two words'],
    ]);
    expect(await upstream.ended()).toMatchObject({
      method: 'POST',
      path: '/v1/chat/completions',
      body: { model: 'm', n: 2 },
      ending: 'answered',
      aborted: false,
      connection: 0,
    });
  });

  it('streams a frame a token and the usage only when asked', async () => {
    upstream.always(answer('größe 你好 ok'));
    const plain = payloads(await stream());
    expect(plain).toHaveLength(6);
    expect(plain.at(-1)).toBe('[DONE]');
    const asked = payloads(await stream({ stream_options: { include_usage: true } }));
    expect(JSON.parse(asked.at(-2) as string)).toMatchObject({ choices: [], usage: { completion_tokens: 3 } });
  });

  it.each([
    ['one byte a write', [bytesPerWrite(1)]],
    ['CRLF and other fields in one write', [crlf, eventLines, oneWrite]],
    ['without [DONE]', [noDone]],
  ])('keeps the text: %s', async (_name, twists) => {
    upstream.always(answer('größe 你好 👋🏽 end', {}, ...twists));
    expect(contents(await stream())).toBe('größe 你好 👋🏽 end');
  });

  it('plays the script in order, then the standing answer', async () => {
    upstream.script(rateLimited(2), resetBeforeBytes);
    const first = await call();
    expect([first.statusCode, first.headers['retry-after']]).toEqual([429, '2']);
    await first.body.dump();
    await expect(call()).rejects.toThrow();
    expect(await upstream.ended(1)).toMatchObject({ ending: 'cut' });
    expect(await stream()).toContain('Hello');
  });

  it('cuts after the tokens it was told to', async () => {
    upstream.always(answer(words(60), {}, cutAfter(40)));
    const { body } = await call({ stream: true });
    let text = '';
    await expect(
      (async () => {
        for await (const piece of body) text += String(piece);
      })(),
    ).rejects.toThrow();
    expect(contents(text).split(' ')).toHaveLength(40);
    expect(await upstream.ended()).toMatchObject({ ending: 'cut' });
  });

  it('spoils streams: broken JSON, an error object', async () => {
    upstream.script(answer('a b', {}, invalidJsonAt(2)), answer('a b', {}, errorInStream()));
    const broken = payloads(await stream());
    expect(() => JSON.parse(broken[2] as string) as unknown).toThrow();
    expect(broken).toHaveLength(6);
    expect(payloads(await stream())).toEqual([expect.stringContaining('"error"')]);
  });

  it('sees the caller go away, before and in the middle of an answer', async () => {
    upstream.script(neverAnswer, answer('a b c', {}, stallAfter(2, 'never')), answer('a', {}, slowFirstToken(60_000)));
    for (const index of [0, 1, 2]) {
      const leave = new AbortController();
      const pending = call({ stream: true }, leave.signal).then(({ body }) => body.text());
      await upstream.received(index);
      leave.abort();
      await expect(pending).rejects.toThrow();
      expect(await upstream.ended(index, 1_000)).toMatchObject({ aborted: true });
    }
    expect(upstream.inFlight).toBe(0);
    expect(upstream.openConnections).toBe(0);
  });

  it('stops writing when nobody reads', async () => {
    upstream.always(hugeBody(512 * 1024 * 1024));
    const { body } = await call();
    const seen = await upstream.received();
    await setTimeout(100); // time to fill the memory, if nothing held it back
    expect(seen.sentBytes).toBeLessThan(64 * 1024 * 1024);
    body.destroy();
    expect(await upstream.ended()).toMatchObject({ aborted: true });
  });

  it('knows gzip bombs, tool calls and prefill', async () => {
    upstream.script(gzipBomb(64 * 1024 * 1024), toolCall('get_time', { zone: 'UTC' }));
    upstream.always(whenPrefilled(prefillRejected, answer('whole')));
    const bomb = await call();
    expect([bomb.headers['content-encoding'], (await bomb.body.bytes()).length]).toEqual(['gzip', expect.any(Number)]);
    const deltas = payloads(await stream()).slice(1, -2);
    const args = deltas.map((text) => (JSON.parse(text) as Completion).choices?.[0]?.delta?.tool_calls?.[0]);
    expect(args.map((call) => call?.function?.arguments).join('')).toBe('{"zone":"UTC"}');
    const prefill = await call({ messages: [{ role: 'assistant', content: 'w' }] });
    expect(prefill.statusCode).toBe(400);
    await prefill.body.dump();
  });

  it('says what it waited for in vain', async () => {
    await expect(upstream.received(0, 20)).rejects.toThrow('request 0 to arrive');
  });
});

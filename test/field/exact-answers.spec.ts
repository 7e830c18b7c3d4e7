import { startRouter, type RouterApp } from '../support/router-app.js';
import { post } from '../support/router-calls.js';
import type { RouterConfigInput } from '../support/router-process.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { answer, head, write } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter } from '../support/upstream-twists.js';

/** Fields of a message with numbers that JavaScript cannot hold. */
const WIDE = '"x_big":9223372036854775807,"deep":{"list":[18446744073709551615,1e400]}';
const NUMBERS = ['9223372036854775807', '18446744073709551615', '1e400'];

const plain: Behaviour = () => [
  head(200, { 'content-type': 'application/json' }),
  write(
    `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes",${WIDE}},"finish_reason":"stop"}]}`,
  ),
  { do: 'end' },
];

const frame = (delta: string, finish = 'null') =>
  write(
    `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{${delta}},"finish_reason":${finish}}]}\n\n`,
  );
const streamed: Behaviour = () => [
  head(200, { 'content-type': 'text/event-stream' }),
  frame('"role":"assistant","content":"yes"'),
  frame(WIDE),
  frame('', '"stop"'),
  write('data: [DONE]\n\n'),
  { do: 'end' },
];

describe('answers keep what they say', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeEach(async () => {
    upstream = await UpstreamServer.start({ model: 'm' });
  });
  afterEach(async () => {
    await router.close();
    await upstream.close();
  });
  const start = async (changes: Partial<RouterConfigInput> = {}) => {
    router = await startRouter(inOrder([targetOn(upstream, { id: 'one', capabilities: ['prefill'] })], changes));
  };
  const send = async (text: string, more = '', headers: Record<string, string> = {}) => {
    const body = `{"model":"auto","messages":[{"role":"user","content":"${text}"}]${more}}`;
    return (await post(`${router.url}/v1/chat/completions`, body, headers)).text();
  };
  const expectNumbers = (text: string | undefined) => {
    for (const number of NUMBERS) expect(text).toContain(number);
  };

  it.each<[string, Behaviour, string]>([
    ['a plain', plain, ''],
    ['a streamed', streamed, ',"stream":true'],
  ])('F54 %s answer is put in front of the next question with its numbers', async (_, behaviour, more) => {
    await start();
    upstream.always(behaviour);
    const headers = { 'x-session-id': 'wide' };
    await send('first', more, headers);
    await send('second', more, headers);
    expectNumbers(upstream.requests[1]?.text);
    expectNumbers(await (await fetch(`${router.url}/v1/sessions/wide`)).text());
  });

  it.each<[string, Behaviour, string, string]>([
    ['a plain answer as a stream', plain, '', ',"stream":true'],
    ['a streamed answer as a plain one', streamed, ',"stream":true', ''],
    ['a streamed answer as a stream', streamed, ',"stream":true', ',"stream":true'],
  ])('F54 the cache gives %s, with its numbers', async (_, behaviour, first, second) => {
    await start({ cache: { enabled: true } });
    upstream.always(behaviour);
    await send('same', first);
    expectNumbers(await send('same', second));
    expect(upstream.requests).toHaveLength(1);
  });

  it('F54 the rest of an answer that was cut has its numbers', async () => {
    await start({ resilience: { retries: 1 } });
    upstream.script(answer('One two three four five six', {}, cutAfter(3)), streamed);
    expectNumbers(await send('hi', ',"stream":true'));
  });

  it('F54 a frame over several lines is one line, and says the same', async () => {
    await start();
    upstream.always(() => [
      head(200, { 'content-type': 'text/event-stream' }),
      write(
        `data: {"id":"c","created":1,\ndata: "2":0,"1":9223372036854775807,"choices":[{"index":0,\ndata: "delta":{"content":"yes"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
      ),
      { do: 'end' },
    ]);
    const [line] = (await send('hi', ',"stream":true')).split('\n\n');
    expect(line?.replaceAll(' ', '')).toBe(
      'data:{"id":"c","created":1,"2":0,"1":9223372036854775807,"choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":"stop"}]}',
    );
  });
});

import { APIUserAbortError } from 'openai';
import { answer, headersThenSilence, neverAnswer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { stallAfter } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { allSlotsFree, ask, eventually, openaiAt, post, targetsOf } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';

const WITHIN_MS = 1_000;

describe('a caller that goes away', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(inOrder([targetOn(upstream, { concurrency: 1 })]));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const expectFreed = async () => {
    expect(await upstream.ended(0, WITHIN_MS)).toMatchObject({ ending: 'aborted' });
    await allSlotsFree(router);
    upstream.always(answer('next'));
    const { client } = openaiAt(router.url);
    const next = await client.chat.completions.create({ model: 'auto', messages: ask('hi') });
    expect(next.choices[0]?.message.content).toBe('next'); // the only slot is free again
    expect(upstream.requests).toHaveLength(2); // and nobody tried for the one who left
  };

  it.each([
    { when: 'a plain request', stream: false, behaviour: neverAnswer },
    { when: 'a stream before the headers', stream: true, behaviour: neverAnswer },
    { when: 'a stream before the first token', stream: true, behaviour: headersThenSilence },
  ])('$when: upstream is aborted within 1 s, the slot is free', async ({ stream, behaviour }) => {
    upstream.always(behaviour);
    const { client, sent } = openaiAt(router.url);
    const caller = new AbortController();
    const call = client.chat.completions.create(
      { model: 'auto', messages: ask('hi'), stream },
      { signal: caller.signal },
    );
    const outcome = call.then(
      () => null,
      (error: unknown) => error,
    );
    await upstream.received();
    expect(await targetsOf(router)).toMatchObject([{ in_flight: 1 }]);
    caller.abort();
    expect(await outcome).toBeInstanceOf(APIUserAbortError);
    await expectFreed();
    expect(sent()).toBe(1);
  });

  it('mid-stream: upstream is aborted within 1 s, the slot is free', async () => {
    upstream.always(answer('one two three', {}, stallAfter(2, 'never')));
    const { client } = openaiAt(router.url);
    const stream = await client.chat.completions.create({ model: 'auto', messages: ask('hi'), stream: true });
    for await (const { choices } of stream) {
      if (choices[0]?.delta.content === ' two') stream.controller.abort();
    }
    await expectFreed();
  });

  it('on /query, too', async () => {
    upstream.always(neverAnswer);
    const caller = new AbortController();
    const call = post(`${router.url}/query`, { query: 'hi' }, {}, caller.signal);
    await upstream.received();
    caller.abort();
    await expect(call).rejects.toThrow(/abort/);
    await expectFreed();
  });

  it('waiting in the queue: leaves it, and the one in front is not disturbed', async () => {
    upstream.always(neverAnswer);
    const [first, second] = [new AbortController(), new AbortController()];
    const { client } = openaiAt(router.url);
    const create = ({ signal }: AbortController) =>
      client.chat.completions
        .create({ model: 'auto', messages: ask('hi') }, { signal })
        .catch((error: unknown) => error);
    const calls = [create(first)];
    await upstream.received();
    calls.push(create(second));
    await eventually('one call waits', WITHIN_MS, async () => (await targetsOf(router))[0]?.queued === 1);
    second.abort();
    await eventually('it has left', WITHIN_MS, async () => (await targetsOf(router))[0]?.queued === 0);
    expect(upstream.requests).toMatchObject([{ ending: null }]);
    first.abort();
    expect((await Promise.all(calls)).every((error) => error instanceof APIUserAbortError)).toBe(true);
    await expectFreed();
  });
});

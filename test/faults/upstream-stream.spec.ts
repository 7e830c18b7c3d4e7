import { words } from '../support/openai-answer.js';
import { FailoverPair } from '../support/failover-pair.js';
import { called, figure, seconds } from '../support/fault-row.js';
import {
  answer,
  headersThenSilence,
  neverAnswer,
  prefillRejected,
  toolCall,
  whenPrefilled,
} from '../support/upstream-behaviours.js';
import {
  bytesPerWrite,
  cutAfter,
  invalidJsonAt,
  noDone,
  paced,
  slowFirstToken,
  stallAfter,
} from '../support/upstream-twists.js';

const ANSWER = words(60);
/** After the first 40 words. */
const REST = ANSWER.slice(words(40).length);

describe('silence and cut streams', () => {
  let pair: FailoverPair;
  beforeEach(async () => {
    pair = await FailoverPair.start();
    pair.fallback.always(answer(ANSWER));
  });
  afterEach(() => pair.close());

  const restart = async (...args: Parameters<typeof FailoverPair.start>) => {
    await pair.close();
    pair = await FailoverPair.start(...args);
    pair.fallback.always(answer(ANSWER));
  };
  const stream = (body: Record<string, unknown> = {}) => called(pair.router, { stream: true, ...body });
  const expectWhole = (got: Awaited<ReturnType<typeof stream>>) =>
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null, done: true, finish: 'stop', ids: 1 });

  it.each([true, false])('U06 accepts and never answers: one try, then the fallback, stream %s', async (streamed) => {
    await restart({}, { primary: { timeouts: { firstTokenMs: 500, plainMs: 500 } } });
    pair.primary.always(neverAnswer);
    const got = await called(pair.router, { stream: streamed });
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null });
    expect(pair.calls).toEqual([1, 1]);
    await pair.primary.idle();
    figure('U06', `calls ${pair.calls.join(' + ')}, answer after ${seconds(got.ms)} (limit 0.50 s)`);
  });

  it.each([
    ['headers, then silence', headersThenSilence],
    ['a role chunk, then silence', answer(ANSWER, {}, slowFirstToken(20_000, 'token'))],
    ['comments, then silence', answer(ANSWER, {}, slowFirstToken(20_000, 'role'))],
  ])('U07 %s: the first-token limit holds', async (name, behaviour) => {
    pair.primary.always(behaviour);
    const got = await stream();
    expectWhole(got);
    expect(pair.calls).toEqual([1, 1]);
    expect(got.ms).toBeLessThan(1_500);
    figure('U07', `${name}: whole answer after ${seconds(got.ms)} (limit 0.50 s)`);
  });

  it.each(['close', 'reset'] as const)('U08 cut after 40 of 60 tokens by %s: told again, joined', async (how) => {
    pair.primary.always(answer(ANSWER, {}, cutAfter(40, how)));
    const got = await stream();
    expectWhole(got);
    expect(got.usage?.completion_tokens).toBe(60);
    expect(pair.calls).toEqual([1, 1]);
    figure('U08', `${how}: 60 of 60 tokens, once, calls ${pair.calls.join(' + ')}`);
  });

  it('U08 a target that can is asked to go on from what was sent', async () => {
    await restart({}, { fallback: { capabilities: ['prefill'] } });
    pair.primary.always(answer(ANSWER, {}, cutAfter(40)));
    pair.fallback.always(whenPrefilled(answer(REST), answer('not this')));
    const got = await stream();
    expectWhole(got);
    expect(pair.fallback.requests[0]?.body?.messages.at(-1)).toEqual({ role: 'assistant', content: words(40) });
    expect(got.usage?.completion_tokens).toBe(60);
  });

  it('U08 one target alone is asked again', async () => {
    pair.primary.script(answer(ANSWER, {}, cutAfter(40))).always(answer(ANSWER));
    expectWhole(await stream({ model: 'primary' }));
    expect(pair.calls).toEqual([2, 0]);
  });

  it('U08 cut twice', async () => {
    pair.primary.always(answer(ANSWER, {}, cutAfter(20)));
    pair.fallback.script(answer(ANSWER, {}, cutAfter(50))).always(answer(ANSWER));
    expectWhole(await stream());
    expect(pair.calls).toEqual([1, 2]);
  });

  it('U08 an answer that begins in the middle of what was sent', async () => {
    pair.primary.always(answer(ANSWER, {}, cutAfter(40)));
    pair.fallback.always(answer(ANSWER.slice(words(35).length + 1)));
    expectWhole(await stream());
  });

  it.each([
    ['another text', {}, answer(ANSWER, {}, cutAfter(40)), answer(`Sure: ${ANSWER}`)],
    [
      'structured output',
      { response_format: { type: 'json_object' } },
      answer(ANSWER, {}, cutAfter(40)),
      answer(ANSWER),
    ],
    ['two choices', { n: 2 }, answer(ANSWER, {}, cutAfter(40)), answer(ANSWER)],
    ['log-probabilities', { logprobs: true }, answer(ANSWER, {}, cutAfter(40)), answer(ANSWER)],
    [
      'a tool call',
      {},
      toolCall('weather', { city: 'Bonn' }, noDone, dropFinish),
      toolCall('weather', { city: 'Bonn' }),
    ],
  ] as const)('U08 %s cannot be joined: a typed error and no [DONE]', async (name, body, primary, fallback) => {
    pair.primary.always(primary);
    pair.fallback.always(fallback);
    const got = await stream({ ...body });
    expect(got).toMatchObject({ status: 200, done: false, error: { code: 'upstream_error' } });
    expect(got.finish).toBeNull();
    figure('U08', `${name}: ${got.error?.code}, no [DONE]`);
  });

  it('U08 streamRecovery error: the typed error at once', async () => {
    await restart({ resilience: { streamRecovery: 'error' } });
    pair.primary.always(answer(ANSWER, {}, cutAfter(40)));
    expect(await stream()).toMatchObject({ done: false, text: words(40), error: { code: 'upstream_error' } });
    expect(pair.calls).toEqual([1, 0]);
  });

  it('U08 streamRecovery buffer: nothing is sent before the answer is complete', async () => {
    await restart({ resilience: { streamRecovery: 'buffer' } });
    pair.primary.always(answer(ANSWER, {}, cutAfter(40)));
    pair.fallback.always(answer('quite another answer'));
    const got = await stream();
    expect(got).toMatchObject({ text: 'quite another answer', done: true, error: null, model: 'fallback' });
  });

  it('U09 20 tokens, then silence: seen within idleMs and joined', async () => {
    pair.primary.script(answer(ANSWER, {}, stallAfter(20, 'close', 30_000))).always(answer(ANSWER));
    const got = await stream();
    expectWhole(got);
    expect(got.ms).toBeLessThan(1_500);
    await pair.primary.ended(0);
    expectWhole(await stream());
    figure('U09', `whole answer after ${seconds(got.ms)} (idle limit 0.50 s), healthy afterwards`);
  });

  it('U10 an event of invalid JSON is skipped', async () => {
    pair.primary.always(answer(ANSWER, {}, invalidJsonAt(10)));
    expectWhole(await stream());
    expectWhole(await stream());
    expect(pair.calls).toEqual([2, 0]);
    figure('U10', 'whole answer, twice');
  });

  it('U11 no [DONE] from upstream: finished promptly, with usage', async () => {
    pair.primary.always(answer(ANSWER, {}, noDone));
    const got = await stream();
    expectWhole(got);
    expect(got.usage?.completion_tokens).toBe(60);
    expect(got.ms).toBeLessThan(500);
    figure('U11', `done after ${seconds(got.ms)}, usage reported`);
  });

  it('U14 the fallback refuses the prefill it declares: asked anew, and the caller never sees the 400', async () => {
    await restart({}, { fallback: { capabilities: ['prefill'] } });
    pair.primary.always(answer(ANSWER, {}, cutAfter(40)));
    pair.fallback.always(whenPrefilled(prefillRejected, answer(ANSWER)));
    const got = await stream();
    expectWhole(got);
    expect(got.raw).not.toContain('must not be from the assistant');
    figure('U14', `whole answer, calls ${pair.calls.join(' + ')}`);
  });

  it('U14 a fallback without the capability is never sent a prefill', async () => {
    pair.primary.always(answer(ANSWER, {}, cutAfter(40)));
    pair.fallback.always(whenPrefilled(prefillRejected, answer(ANSWER)));
    expectWhole(await stream());
    expect(pair.calls).toEqual([1, 1]);
  });

  it('U19 a byte at a time before the first token: the first-token limit holds', async () => {
    pair.primary.always(answer(ANSWER, {}, bytesPerWrite(1, 20)));
    const got = await stream();
    expectWhole(got);
    expect(got.ms).toBeLessThan(1_500);
    figure('U19', `a byte every 20 ms: whole answer after ${seconds(got.ms)} (limit 0.50 s)`);
  });

  it('U19 a byte at a time in the middle of the answer: bytes without an event are silence', async () => {
    const fast = answer(words(5), {}, noDone, dropFinish);
    const dribble = answer(ANSWER, {}, bytesPerWrite(1, 20));
    pair.primary.always((request, model) => [
      ...fast(request, model).filter((step) => step.do !== 'end'),
      ...dribble(request, model).filter((step) => step.do !== 'head'),
    ]);
    const got = await stream();
    expectWhole(got);
    expect(got.ms).toBeLessThan(2_000);
    figure('U19', `the same in mid-stream: whole answer after ${seconds(got.ms)} (idle limit 0.50 s)`);
  });

  it('U19 the total limit holds for a stream that never pauses', async () => {
    await restart({}, { primary: { timeouts: { firstTokenMs: 500, idleMs: 500, totalMs: 800 } } });
    pair.primary.always(answer(ANSWER, {}, paced(100)));
    const got = await stream();
    expectWhole(got);
    expect(got.ms).toBeLessThan(2_500);
    figure('U19', `a token every 100 ms for 6 s: whole answer after ${seconds(got.ms)} (total limit 0.80 s)`);
  });
});

/** Ends the body without a finish frame. */
function dropFinish<T extends { readonly do: string }>(steps: readonly T[]): readonly T[] {
  return steps.filter(
    (step) => (step as { kind?: string }).kind !== 'finish' && (step as { kind?: string }).kind !== 'usage',
  );
}

import { afterEach, beforeEach, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { WholeAnswer } from '../../common/chunk-stream.js';
import type { TargetStatus } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import { FakeAttempts, targetNamed, type Script } from './fake-attempts.fixture.js';
import { isOneText, RelayedAnswer } from './relayed-answer.js';
import { goOn } from './resume.js';
import { Retry } from './retry.js';

const CUT = new UpstreamFailure('cut', 'gone');
const FIRST = 'The capital of France is Paris, a city ';
const REST = 'on the Seine.';

/** The answer of target `a`, which others go on with. */
async function recovering(targets: readonly TargetStatus[], scripts: Record<string, readonly Script[]>, retries = 0) {
  const fake = new FakeAttempts(targets, scripts, {}, retries);
  const { attempt, candidates, guards, calls } = fake;
  const first = candidates.takeReady()!;
  const begun = await attempt(first, { signal: calls.signal, partialAnswer: null, answerHasBegun: false });
  const retry = new Retry(attempt, candidates, guards, calls.budget, retries);
  const search = { calls, candidates, guards, tryTarget: retry.tryTarget.bind(retry) };
  const answer = new RelayedAnswer(begun, first, (current, sent) => goOn(current, sent, search));
  const whole = new WholeAnswer();
  answer.relay(whole);
  const text = async () => {
    const frames = (await whole.chunks).flatMap((chunk) => chunk.frames);
    return frames.map(({ json }) => json.choices?.[0]?.delta?.content ?? '').join('');
  };
  return { ...fake, answer, text };
}

beforeEach(() => {
  jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('recovery of a cut answer', () => {
  const others = [targetNamed('a'), targetNamed('b')];

  it('relays an answer that is not cut', async () => {
    const { answer, text, asked } = await recovering(others, { a: [FIRST] });
    expect(await text()).toBe(FIRST);
    expect([answer.fallback, asked.length]).toEqual([false, 1]);
  });

  it('joins the same answer of another target to what was sent', async () => {
    const { answer, text, asked, calls } = await recovering(others, {
      a: [{ text: FIRST, cut: CUT }],
      b: [FIRST + REST],
    });
    expect(await text()).toBe(FIRST + REST);
    expect(asked).toEqual([
      ['a', null],
      ['b', null],
    ]);
    expect([answer.fallback, answer.target.id]).toEqual([true, 'b']);
    expect(calls.attempts.all).toMatchObject([{ outcome: 'cut' }, { outcome: 'ok' }]);
  });

  it('gives what was sent to a target that can go on from there', async () => {
    const targets = [targetNamed('a'), targetNamed('b', { capabilities: ['prefill'] })];
    const { text, asked } = await recovering(targets, { a: [{ text: FIRST, cut: CUT }], b: [REST] });
    expect(await text()).toBe(FIRST + REST);
    expect(asked[1]).toEqual(['b', FIRST]);
  });

  it('asks the same target again when no other one is left, for a retry', async () => {
    const scripts = { a: [{ text: FIRST, cut: CUT }, FIRST + REST] };
    const { text, calls } = await recovering([targetNamed('a')], scripts, 1);
    expect(await text()).toBe(FIRST + REST);
    expect(calls.budget.hasRetry).toBe(false);
  });

  it('tells that it broke off when nobody can go on', async () => {
    const { text } = await recovering([targetNamed('a')], { a: [{ text: FIRST, cut: CUT }] });
    await expect(text()).rejects.toMatchObject({ code: 'upstream_error' });
  });

  it('joins nothing that does not fit, and gives the second call up', async () => {
    const scripts = { a: [{ text: FIRST, cut: CUT }], b: ['Something else altogether, in other words entirely.'] };
    const { text, abandoned } = await recovering(others, scripts);
    await expect(text()).rejects.toMatchObject({ code: 'upstream_error' });
    expect(abandoned).toEqual(['b']);
  });

  it('survives a second cut', async () => {
    const targets = [...others, targetNamed('c')];
    const scripts = { a: [{ text: FIRST, cut: CUT }], b: [{ text: `${FIRST}on `, cut: CUT }], c: [FIRST + REST] };
    const { text, answer } = await recovering(targets, scripts);
    expect(await text()).toBe(FIRST + REST);
    expect(answer.target.id).toBe('c');
  });

  it('says nothing more once it was given up', async () => {
    const { answer, abandoned, calls } = await recovering(others, { a: [FIRST] });
    answer.abandon();
    answer.abandon();
    expect(abandoned).toEqual(['a']);
    expect(calls.attempts.all).toMatchObject([{ outcome: 'aborted' }]);
  });

  it.each([
    [{ stream: true }, true],
    [{ stream: false }, false],
    [{ stream: true, n: 2 }, false],
    [{ stream: true, logprobs: true }, false],
    [{ stream: true, response_format: { type: 'json_object' } }, false],
  ])('is for one text in one piece: %j is %s', (request, expected) => {
    expect(isOneText({ model: 'auto', messages: [], ...request })).toBe(expected);
  });
});

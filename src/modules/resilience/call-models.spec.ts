import { afterEach, beforeEach, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { UpstreamFailure, type UpstreamFailureDetail } from '../../common/upstream-failure.js';
import type { AttemptOutcome } from '../../common/attempt.js';
import { FakeAttempts, targetNamed, type Script } from './fake-attempts.fixture.js';
import { fallback } from './call-models.handler.js';
import { Hedge } from './hedge.js';
import { Retry } from './retry.js';
import { BreakerOpen } from './target-breaker.js';

const failing = (outcome: AttemptOutcome, detail: UpstreamFailureDetail = {}) =>
  new UpstreamFailure(outcome, 'no', detail);
const TARGETS = [targetNamed('a'), targetNamed('b'), targetNamed('c')];

/** Tries three targets as a request would. */
function trying(scripts: Record<string, readonly (Script | Promise<Script>)[]>, retries = 0, hedgeAfterMs?: number) {
  const fake = new FakeAttempts(TARGETS, scripts, {}, retries);
  const { attempt, candidates, guards, calls } = fake;
  const retry = new Retry(attempt, candidates, guards, calls.budget, retries);
  const once = retry.tryTarget.bind(retry);
  const tryTarget = hedgeAfterMs === undefined ? once : new Hedge().around(once, candidates, calls, hedgeAfterMs);
  const begun = fallback(candidates, tryTarget, { signal: calls.signal, partialAnswer: null, answerHasBegun: false });
  return { ...fake, begun };
}

beforeEach(() => {
  jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('fallback', () => {
  it('asks in order until one begins to answer, and no further', async () => {
    const { begun, asked } = trying({ a: [failing('unreachable')], b: ['hello'], c: ['never'] });
    expect((await begun).target.id).toBe('b');
    expect(asked.map(([id]) => id)).toEqual(['a', 'b']);
  });

  it('throws a refusal of the request itself at once', async () => {
    const { begun, asked } = trying({ a: [failing('bad_request', { providerMessage: 'top_p' })], b: ['hello'] });
    await expect(begun).rejects.toMatchObject({ code: 'invalid_request', message: 'top_p' });
    expect(asked).toHaveLength(1);
  });

  it('tells what came of all when none is left, and SDKs not to try again what was tried', async () => {
    const timeout = failing('timeout');
    const { begun, asked } = trying({ a: [timeout], b: [timeout], c: [timeout] });
    await expect(begun).rejects.toMatchObject({ code: 'upstream_timeout', retryable: false });
    expect(asked).toHaveLength(3);
  });

  it('passes by a target whose breaker lets nothing through', async () => {
    const { begun, asked, calls } = trying({ a: [new BreakerOpen()], b: ['hello'] });
    expect((await begun).target.id).toBe('b');
    expect(asked).toHaveLength(2);
    expect(calls.budget.hasRetry).toBe(false);
  });

  it('asks only larger windows after one was too small', async () => {
    const scripts = { small: [failing('context_length')], same: ['never'], larger: ['hello'] };
    const targets = [8_192, 8_192, 32_768].map((contextWindow, i) =>
      targetNamed(['small', 'same', 'larger'][i]!, { contextWindow }),
    );
    const { attempt, candidates, guards, calls, asked } = new FakeAttempts(targets, scripts);
    const retry = new Retry(attempt, candidates, guards, calls.budget, 0);
    const how = { signal: calls.signal, partialAnswer: null, answerHasBegun: false };
    expect((await fallback(candidates, retry.tryTarget.bind(retry), how)).target.id).toBe('larger');
    expect(asked.map(([id]) => id)).toEqual(['small', 'larger']);
  });
});

describe('retry', () => {
  it('asks the same target again for as many retries as the request has', async () => {
    const { begun, asked } = trying({ a: [failing('server_error')], b: ['hello'] }, 2);
    expect((await begun).target.id).toBe('b');
    expect(asked.map(([id]) => id)).toEqual(['a', 'a', 'a', 'b']);
  });

  it('gives the last target a second chance when the others used up the retries', async () => {
    const broken = failing('server_error');
    const { begun, asked } = trying({ a: [broken], b: [broken], c: [broken, 'hello'] }, 1);
    expect((await begun).target.id).toBe('c');
    expect(asked.map(([id]) => id)).toEqual(['a', 'a', 'b', 'c', 'c']);
  });

  it('does not ask again what no retry can mend', async () => {
    const { begun, asked } = trying({ a: [failing('auth')], b: ['hello'] }, 2);
    expect((await begun).target.id).toBe('b');
    expect(asked.map(([id]) => id)).toEqual(['a', 'b']);
  });

  it('takes no retry for a model that is being loaded, and waits for it when no other one is left', async () => {
    const loading = failing('loading');
    const { begun, asked, calls } = trying(
      { a: [failing('not_found')], b: [failing('not_found')], c: [loading, loading, 'hi'] },
      1,
    );
    expect((await begun).target.id).toBe('c');
    expect(asked.map(([id]) => id)).toEqual(['a', 'b', 'c', 'c', 'c']);
    expect(calls.budget.hasRetry).toBe(true);
  });
});

describe('hedge', () => {
  const never = new Promise<Script>(() => undefined);

  it('starts the next target beside one that is slow; the loser is cancelled', async () => {
    const { begun, asked, abandoned } = trying({ a: [never], b: ['hello'] }, 0, 20);
    const answer = await begun;
    expect(answer.target.id).toBe('b');
    expect(asked.map(([id]) => id)).toEqual(['a', 'b']);
    await new Promise(setImmediate);
    expect(abandoned).toEqual(['a']);
  });

  it('starts nothing beside one that begins in time', async () => {
    const { begun, asked } = trying({ a: ['hello'], b: ['never'] }, 0, 1_000);
    expect((await begun).target.id).toBe('a');
    expect(asked).toHaveLength(1);
  });

  it('goes on with the others when one that was started fails', async () => {
    const { begun, asked } = trying({ a: [failing('server_error')], b: [never], c: ['hello'] }, 0, 20);
    expect((await begun).target.id).toBe('c');
    expect(asked.map(([id]) => id)).toEqual(['a', 'b', 'c']);
  });

  it('waits for the last one that is left', async () => {
    const late = new Promise<Script>((resolve) => setTimeout(resolve, 80, 'late'));
    const { begun, asked } = trying({ a: [failing('server_error')], b: [failing('server_error')], c: [late] }, 0, 20);
    expect((await begun).target.id).toBe('c');
    expect(asked).toHaveLength(3);
  });

  it('lets a call go on that loads a model, once', async () => {
    const cold = targetNamed('cold', { tier: 'local', warm: false });
    const fake = new FakeAttempts([cold, targetNamed('b')], { cold: [never], b: ['hello'] });
    const { attempt, candidates, guards, calls, abandoned } = fake;
    const retry = new Retry(attempt, candidates, guards, calls.budget, 0);
    const tryTarget = new Hedge().around(retry.tryTarget.bind(retry), candidates, calls, 0);
    const how = { signal: calls.signal, partialAnswer: null, answerHasBegun: false };
    expect((await fallback(candidates, tryTarget, how)).target.id).toBe('b');
    await new Promise(setImmediate);
    expect(abandoned).toEqual([]);
    expect(calls.attempts.all).toMatchObject([
      { target: 'cold', outcome: 'timeout' },
      { target: 'b', outcome: 'ok' },
    ]);
  });
});

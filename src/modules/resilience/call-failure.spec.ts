import type { AttemptOutcome } from '../../common/attempt.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import { brokenOff, failureOfAll, mendableOrThrow, type VainSearch } from './call-failure.js';
import { probeDelayMs } from './target-breaker.js';
import { retryDelayMs } from './retry-delay.js';

const failure = (outcome: AttemptOutcome, detail = {}) =>
  new UpstreamFailure(outcome, 'http://10.0.0.1 failed', detail);

describe('failureOfAll', () => {
  const of = (outcomes: AttemptOutcome[], more: Partial<VainSearch> = {}) =>
    failureOfAll({ failures: outcomes.map((outcome) => failure(outcome)), untried: false, waitMs: null, ...more }, 0.5);

  it.each<[AttemptOutcome[], number, string, boolean]>([
    // one kind: named
    [['auth'], 502, 'upstream_auth', false],
    [['not_found'], 502, 'upstream_error', false],
    [['context_length'], 400, 'context_length_exceeded', false],
    [['timeout'], 504, 'upstream_timeout', true],
    [['timeout', 'timeout'], 504, 'upstream_timeout', false],
    [['bad_answer'], 502, 'upstream_error', true],
    [['bad_answer', 'bad_answer', 'bad_answer'], 502, 'upstream_error', false],
    [['server_error'], 503, 'no_target_available', true],
    [['server_error', 'server_error'], 503, 'no_target_available', false],
    [['rate_limited', 'rate_limited', 'rate_limited'], 503, 'no_target_available', true],
    [['overloaded', 'overloaded'], 503, 'overloaded', true],
    [['loading', 'loading'], 503, 'no_target_available', true],
    // what may pass counts more than what lasts
    [['context_length', 'server_error'], 503, 'no_target_available', true],
    [['server_error', 'server_error', 'context_length'], 503, 'no_target_available', false],
    [['context_length', 'timeout'], 504, 'upstream_timeout', true],
    [['context_length', 'rate_limited'], 503, 'no_target_available', true],
    [['context_length', 'overloaded'], 503, 'overloaded', true],
    [['context_length', 'loading'], 503, 'no_target_available', true],
    [['auth', 'server_error'], 503, 'no_target_available', true],
    [['auth', 'timeout'], 504, 'upstream_timeout', true],
    [['auth', 'rate_limited'], 503, 'no_target_available', true],
    [['not_found', 'bad_answer'], 502, 'upstream_error', true],
    [['not_found', 'unreachable'], 503, 'no_target_available', true],
    // of what lasts, the caller's own comes first
    [['context_length', 'auth'], 400, 'context_length_exceeded', false],
    [['not_found', 'context_length'], 400, 'context_length_exceeded', false],
    [['not_found', 'auth'], 502, 'upstream_auth', false],
    // a mixture of what may pass
    [['server_error', 'unreachable'], 503, 'no_target_available', false],
    [['timeout', 'rate_limited'], 503, 'no_target_available', true],
    [['timeout', 'bad_answer'], 503, 'no_target_available', false],
    [['overloaded', 'server_error'], 503, 'no_target_available', true],
  ])('%j becomes %i %s, retryable %s', (outcomes, status, code, retryable) => {
    const error = of(outcomes);
    expect([error.status, error.code, error.retryable]).toEqual([status, code, retryable]);
    expect(JSON.stringify(error.toBody())).not.toContain('10.0.0.1');
    if (status === 503) expect(Number(error.headers['retry-after'])).toBeGreaterThanOrEqual(2);
  });

  it.each<AttemptOutcome>(['context_length', 'auth', 'timeout', 'not_found'])(
    '%s beside a target that could not be asked now: it can succeed later',
    (outcome) => {
      const error = of([outcome], { untried: true, waitMs: 4_000 });
      expect([error.status, error.code, error.retryable]).toEqual([503, 'no_target_available', true]);
    },
  );

  it('nothing was tried: it can succeed later', () =>
    expect(of([], { untried: true })).toMatchObject({ status: 503, retryable: true }));

  it.each([
    [5_000, 5, 7],
    [30_000, 30, 36],
    [null, 2, 4],
  ])('Retry-After for a wait of %j ms: %i to %i s', (waitMs, least, most) => {
    for (const random of [0, 0.5, 0.999]) {
      const error = failureOfAll({ failures: [failure('rate_limited')], untried: false, waitMs }, random);
      expect(Number(error.headers['retry-after'])).toBeGreaterThanOrEqual(least);
      expect(Number(error.headers['retry-after'])).toBeLessThanOrEqual(most);
    }
  });
});

describe('mendableOrThrow', () => {
  it("shows the provider's reason of a refusal", () => {
    const refused = failure('content_filter', { providerMessage: 'violence', param: 'messages' });
    expect(() => mendableOrThrow(refused)).toThrow(
      expect.objectContaining({ code: 'content_filter', message: 'violence' }),
    );
  });
  it('hands back what another attempt may mend', () => expect(mendableOrThrow(failure('cut')).outcome).toBe('cut'));
  it('throws on what is no failure of a server', () =>
    expect(() => mendableOrThrow(new TypeError('x'))).toThrow(TypeError));
});

describe('brokenOff', () => {
  it.each<[AttemptOutcome, string]>([
    ['cut', 'upstream_error'],
    ['timeout', 'upstream_timeout'],
  ])('%s', (outcome, code) => expect(brokenOff(failure(outcome))).toMatchObject({ code }));
});

describe('retry delay', () => {
  it('grows, has a ceiling, and is spread over the whole range', () => {
    expect([0, 1, 2, 9].map((retry) => retryDelayMs(retry, 1))).toEqual([100, 200, 400, 1000]);
    expect(retryDelayMs(3, 0)).toBe(0);
  });
});

describe('probe delay', () => {
  it('comes early and grows: 2, 4, 8, 16 s, then a third of the reset time and a little more', () => {
    expect([0, 1, 2, 3, 4, 40].map((failed) => probeDelayMs(failed, 60, 0))).toEqual([2e3, 4e3, 8e3, 16e3, 20e3, 20e3]);
    expect(probeDelayMs(40, 60, 1)).toBeLessThanOrEqual(26_000);
  });
  it('is never longer than the reset time', () => expect(probeDelayMs(0, 1, 1)).toBeLessThan(1_000));
});

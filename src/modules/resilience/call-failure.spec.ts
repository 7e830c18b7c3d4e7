import type { AttemptOutcome } from '../../common/attempt.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import { brokenOff, failureOfAll, mendableOrThrow } from './call-failure.js';
import { retryDelayMs, worthWaiting } from './retry-delay.js';

const failure = (outcome: AttemptOutcome, detail = {}) =>
  new UpstreamFailure(outcome, 'http://10.0.0.1 failed', detail);

describe('failureOfAll', () => {
  it.each<[AttemptOutcome[], number, string]>([
    [['auth'], 502, 'upstream_auth'],
    [['auth', 'server_error'], 503, 'no_target_available'],
    [['timeout', 'timeout'], 504, 'upstream_timeout'],
    [['bad_answer'], 502, 'upstream_error'],
    [['not_found', 'bad_answer'], 502, 'upstream_error'],
    [['server_error', 'unreachable'], 503, 'no_target_available'],
    [['rate_limited'], 503, 'no_target_available'],
    [['overloaded'], 503, 'overloaded'],
    [['context_length'], 400, 'context_length_exceeded'],
    [['server_error', 'context_length'], 400, 'context_length_exceeded'],
  ])('%j becomes %i %s', (outcomes, status, code) => {
    const error = failureOfAll(
      outcomes.map((outcome) => failure(outcome)),
      0.5,
    );
    expect([error.status, error.code]).toEqual([status, code]);
    expect(JSON.stringify(error.toBody())).not.toContain('10.0.0.1');
    if (status === 503) expect(Number(error.headers['retry-after'])).toBeGreaterThanOrEqual(2);
  });

  it('waits at least as long as the server asked', () => {
    const error = failureOfAll([failure('rate_limited', { retryAfterMs: 30_000 })], 0);
    expect(Number(error.headers['retry-after'])).toBeGreaterThanOrEqual(30);
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
    expect([0, 1, 2, 9].map((retry) => retryDelayMs(retry, undefined, 1))).toEqual([100, 200, 400, 1000]);
    expect(retryDelayMs(3, undefined, 0)).toBe(0);
  });
  it('is never earlier than the server asked', () => expect(retryDelayMs(0, 700, 0.1)).toBe(700));
  it('prefers another target to a long wait', () => {
    expect(worthWaiting(2000, 10_000, true)).toBe(false);
    expect(worthWaiting(2000, 10_000, false)).toBe(true);
    expect(worthWaiting(2000, 1000, false)).toBe(false);
  });
});

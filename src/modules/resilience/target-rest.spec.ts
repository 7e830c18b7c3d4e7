import { UpstreamFailure } from '../../common/upstream-failure.js';
import { TargetRest } from './target-rest.js';

describe('TargetRest', () => {
  let nowMs: number;
  let rest: TargetRest;
  beforeEach(() => {
    nowMs = 1_000;
    rest = new TargetRest(
      3,
      () => nowMs,
      () => 0.5,
    );
  });
  const limited = (retryAfterMs?: number) =>
    new UpstreamFailure('rate_limited', '', retryAfterMs === undefined ? {} : { retryAfterMs });
  const pause = async (ms: number): Promise<void> => {
    nowMs += ms;
  };

  it('lasts as long as the server asked, and never less because of a later answer', () => {
    rest.note(limited(30_000), nowMs);
    rest.note(limited(2_000), nowMs);
    expect(rest.leftMs).toBe(30_000);
  });

  it('is at most an hour', () => expect(rest.note(limited(86_400_000), nowMs)).toBe(3_600_000));

  it('without a time doubles from half a second to 30 s, until a call is answered', () => {
    const rests = Array.from({ length: 8 }, () => {
      nowMs += 60_000;
      return rest.note(limited(), nowMs);
    });
    expect(rests).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    rest.answered();
    expect(rest.note(limited(), nowMs)).toBe(500);
  });

  it('calls that were under way together count as one', () => {
    for (let i = 0; i < 20; i += 1) rest.note(limited(), 900);
    expect(rest.leftMs).toBe(500);
  });

  it.each(['server_error', 'timeout', 'cut'] as const)('%s asks for none', (outcome) =>
    expect(rest.note(new UpstreamFailure(outcome, ''), nowMs)).toBe(0),
  );

  it('is waited for where it fits, again where it was prolonged meanwhile', async () => {
    rest.restFor(1_000);
    expect(await rest.over(500, pause)).toBe(false);
    let prolonged = false;
    const waited = rest.over(10_000, async (ms) => {
      nowMs += ms;
      if (!prolonged) rest.restFor(2_000);
      prolonged = true;
    });
    expect(await waited).toBe(true);
    expect(nowMs).toBeGreaterThanOrEqual(4_000);
  });

  it('is waited for by so many at most', async () => {
    rest.restFor(1_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = Array.from({ length: 256 }, () => rest.over(10_000, () => promise));
    expect(await rest.over(10_000, pause)).toBe(false);
    nowMs += 2_000;
    resolve();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([true]));
  });

  it('a target that refuses three times in a row is avoided for a while', () => {
    const refused = new UpstreamFailure('auth', '');
    rest.note(refused, nowMs);
    rest.note(refused, nowMs);
    expect(rest.isAvoided).toBe(false);
    rest.note(refused, nowMs);
    expect([rest.isAvoided, rest.leftMs]).toEqual([true, 0]);
    nowMs += 30_001;
    expect(rest.isAvoided).toBe(false);
  });
});

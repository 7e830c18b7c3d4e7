import { FailureEpisode } from './failure-episode.js';

describe('FailureEpisode', () => {
  let ms: number;
  let episode: FailureEpisode;
  beforeEach(() => {
    ms = 1_000_000;
    episode = new FailureEpisode(() => ms);
  });

  it('tells the first failure, and the end with how long and how many', () => {
    expect(episode.worked()).toBeNull();
    const told = Array.from({ length: 200 }, () => {
      ms += 50;
      return episode.failed();
    });
    expect(told.filter(Boolean)).toHaveLength(1);
    expect(told[0]).toBe(true);
    expect(episode.isOpen).toBe(true);
    ms += 50;
    expect(episode.worked()).toBe('after 10.0 s and 200 failures');
    expect(episode.worked()).toBeNull();
    expect(episode.isOpen).toBe(false);
  });

  it('tells each way of failing once', () => {
    expect(['auth', 'auth', 'timeout', 'auth', 'timeout'].map((kind) => episode.failed(kind))).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });

  it('writes two lines a minute at most of what fails and works in turns, and tells its end when it is steady', () => {
    const lines: string[] = [];
    const turn = (works: boolean): void => {
      ms += 500;
      if (!works && episode.failed()) lines.push('fails');
      const over = works ? episode.worked() : null;
      if (over !== null) lines.push(over);
    };
    for (let n = 0; n < 600; n += 1) turn(n % 2 === 1); // five minutes
    expect(lines).toEqual(['fails', 'after 0.5 s and 1 failure', 'fails']);
    for (let n = 0; n < 121; n += 1) turn(true);
    expect(lines.slice(3)).toEqual(['after 358.0 s and 299 failures']);
    ms += 60_000;
    turn(false);
    turn(true);
    expect(lines.slice(4)).toEqual(['fails', 'after 0.5 s and 1 failure']);
  });
});

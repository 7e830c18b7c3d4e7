import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DELIVERED } from './destination.js';
import { ExportWatch } from './export-watch.js';

const failed = { lost: 3, problem: 'HTTP 503' };

describe('ExportWatch', () => {
  const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  const log = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
  let lost = 0;
  const watch = () => new ExportWatch('there', 'traces', (_, count) => (lost += count));
  beforeEach(() => {
    jest.useFakeTimers();
    lost = 0;
    jest.clearAllMocks();
  });
  afterAll(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('tells of the first failure, and of the recovery with what was lost', () => {
    const one = watch();
    for (let i = 0; i < 100; i += 1) one.delivered(failed);
    expect(warn.mock.calls).toEqual([['there does not get traces (HTTP 503); requests go on without']]);
    jest.advanceTimersByTime(30_000);
    one.delivered(DELIVERED);
    one.delivered(DELIVERED);
    expect(log.mock.calls).toEqual([['there gets traces again, after 30 s; 300 items are lost']]);
    expect(lost).toBe(300);
  });

  it('does not tell of an endpoint that takes every other batch again and again', () => {
    const one = watch();
    for (let i = 0; i < 100; i += 1) {
      one.delivered(i % 2 === 0 ? failed : DELIVERED);
      jest.advanceTimersByTime(1_000);
    }
    expect(warn).toHaveBeenCalledTimes(1);
    expect(log).not.toHaveBeenCalled();
  });
});

import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { logTo, type Line } from '../../../test/support/captured-log.js';
import { LineLimit } from './line-limit.js';

const WINDOW_MS = 40;

describe('LineLimit', () => {
  const lines: Line[] = [];
  beforeEach(() => {
    lines.length = 0;
    Logger.overrideLogger(logTo(lines));
  });
  afterAll(() => Logger.overrideLogger(false));

  const allowed = (limit: LineLimit, kind: string, times: number): number =>
    Array.from({ length: times }, () => limit.allows(kind)).filter(Boolean).length;

  it('lets the first five of a kind through, and tells how many more there were', async () => {
    const limit = new LineLimit('test', WINDOW_MS);
    expect(allowed(limit, 'turns that are lost', 200)).toBe(5);
    expect(allowed(limit, 'something else', 3)).toBe(3);
    while (lines.length === 0) await delay(WINDOW_MS / 4);
    await delay(WINDOW_MS);
    expect(lines).toMatchObject([
      { level: 'warn', fields: { left_out: 195 }, text: 'turns that are lost: 195 more in the last minute test' },
    ]);
    expect(allowed(limit, 'turns that are lost', 1)).toBe(1);
  });

  it('holds no more kinds than a program has', async () => {
    const limit = new LineLimit('test', WINDOW_MS);
    let most = 0;
    for (let n = 0; n < 10_000; n += 1) if (limit.allows(`kind ${n}`)) most += 1;
    expect(most).toBe(105);
    while (lines.length === 0) await delay(WINDOW_MS / 4);
    expect(lines).toMatchObject([{ fields: { left_out: 9_895 } }]);
  });
});

import { decodeTime, isValid } from 'ulid';
import { ulids } from './ulids.js';

describe('ulids', () => {
  it('are valid, have their time, and sort as they were made', () => {
    const next = ulids();
    const ids = Array.from({ length: 2_000 }, (_, i) => next(1_790_000_000_000 + Math.floor(i / 100)));
    expect(ids.every(isValid)).toBe(true);
    expect(ids.toSorted()).toEqual(ids);
    expect(decodeTime(ids.at(-1)!)).toBe(1_790_000_000_019);
  });

  it('have every character in every random place, and none twice', () => {
    const next = ulids();
    const ids = Array.from({ length: 3_000 }, (_, i) => next(1_790_000_000_000 + i));
    expect(new Set(ids).size).toBe(ids.length);
    for (let place = 10; place < 26; place += 1) expect(new Set(ids.map((id) => id[place])).size).toBe(32);
  });
});

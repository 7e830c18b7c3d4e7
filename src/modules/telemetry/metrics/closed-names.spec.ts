import { describe, expect, it } from '@jest/globals';
import { ClosedNames } from './closed-names.js';

describe('ClosedNames', () => {
  it('are those of the configuration and 256 of those it had, and all further ones are one', () => {
    let current = new Set(['a0']);
    const names = new ClosedNames(() => current);
    const labels = new Set<string>();
    for (let i = 0; i < 10_000; i += 1) {
      current = new Set([`a${i}`]);
      labels.add(names.label(`a${i}`));
    }
    expect(labels.size).toBe(256 + 1);
    expect(names.label('a9999')).toBe('other');
    expect(names.label('a0')).toBe('a0'); // its series goes on when it comes back
  });

  it('are all that the configuration has, however many', () => {
    const current = new Set(Array.from({ length: 1_000 }, (_, i) => `t${i}`));
    const names = new ClosedNames(() => current);
    expect([...current].map((name) => names.label(name))).toEqual([...current]);
  });
});

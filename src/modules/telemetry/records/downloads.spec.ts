import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Downloads } from './downloads.js';

const PIECE = 'x'.repeat(64 * 1024);

async function* pieces(count: number, everyMs = 0): AsyncGenerator<string> {
  for (let n = 0; n < count; n += 1) {
    if (everyMs > 0) await delay(everyMs);
    yield PIECE;
  }
}

describe('downloads of records', () => {
  const open: Readable[] = [];
  afterEach(() => open.splice(0).forEach((stream) => stream.destroy()));
  const begin = async (downloads: Downloads, tenant: string, count = 1_000): Promise<Readable> => {
    const stream = await downloads.begin(tenant, async () => pieces(count));
    open.push(stream);
    return stream;
  };
  const BUSY = { status: 503, code: 'overloaded' };

  it('are two of a tenant and four of all, however close they come', async () => {
    const downloads = new Downloads();
    const slow = async (): Promise<AsyncGenerator<string>> => {
      await delay(20);
      return pieces(1);
    };
    const settled = await Promise.allSettled(
      ['a', 'a', 'a', 'b', 'b', 'b', 'c'].map((tenant) => downloads.begin(tenant, slow)),
    );
    expect(settled.map(({ status }) => status === 'fulfilled')).toEqual([true, true, false, true, true, false, false]);
    expect(settled[2]).toMatchObject({ reason: BUSY });
    for (const one of settled) if (one.status === 'fulfilled') one.value.destroy();
  });

  it('give their place back: read, left, refused and broken off ones', async () => {
    const downloads = new Downloads();
    for (let n = 0; n < 5; n += 1) {
      expect(await text(await begin(downloads, 'a', 3))).toBe(PIECE.repeat(3));
      const left = await begin(downloads, 'a');
      left.destroy();
      await once(left, 'close');
      await expect(downloads.begin('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
      const broken = await downloads.begin('a', async () => brokenOff());
      await expect(text(broken)).rejects.toThrow('gone');
    }
    await begin(downloads, 'a');
    await begin(downloads, 'a');
    await expect(begin(downloads, 'a')).rejects.toMatchObject(BUSY);
  });
  async function* brokenOff(): AsyncGenerator<string> {
    yield PIECE;
    throw new Error('gone');
  }

  it('end when their reader takes nothing, from the first piece on or later', async () => {
    const downloads = new Downloads(50);
    const never = await begin(downloads, 'a');
    const later = await begin(downloads, 'a');
    await once(later, 'readable');
    later.read();
    await Promise.all([once(never, 'close'), once(later, 'close')]);
    expect(await text(await begin(downloads, 'a', 2))).toBe(PIECE.repeat(2));
  });

  it('go on while their source is slow', async () => {
    const downloads = new Downloads(50);
    const stream = await downloads.begin('a', async () => pieces(3, 120));
    expect(await text(stream)).toBe(PIECE.repeat(3));
  });
});

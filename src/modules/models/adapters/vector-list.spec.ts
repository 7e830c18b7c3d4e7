import { performance } from 'node:perf_hooks';
import { parsedVectorList } from './vector-list.js';

const numbers = Array.from({ length: 1536 }, (_, i) => Math.sin(i + 1));
const list = (count: number, more: object = {}) => ({
  object: 'list',
  data: Array.from({ length: count }, (_, index) => ({
    object: 'embedding',
    index,
    embedding: numbers,
    note: 'a]}" {[',
  })),
  ...{ model: 'm', usage: { prompt_tokens: 1 }, ...more },
});

describe('a list of vectors as JSON', () => {
  it.each([undefined, 2])('is read as JSON.parse reads it (indent %s)', async (indent) => {
    const text = JSON.stringify(list(40), null, indent);
    expect(await parsedVectorList(text)).toEqual(JSON.parse(text));
  });

  it.each([
    ['a list of it in another object', { other: { data: [{ a: 1 }] } }],
    ['lists of data at both places', { data: [1, 'x', []] }],
    ['nothing in it', { data: [], filler: 'x'.repeat(300_000) }],
  ])('with %s, too', async (_what, more) => {
    for (const json of [list(40, more), { ...more, ...list(40) }]) {
      const text = JSON.stringify(json);
      expect(await parsedVectorList(text)).toEqual(JSON.parse(text));
    }
  });

  it('that is cut off is none', async () => {
    const text = JSON.stringify(list(40));
    for (const cut of [text.slice(0, -1), text.slice(0, 500_000), `${text}x`, text.replace('},{', '}{')]) {
      await expect(parsedVectorList(cut)).rejects.toThrow(SyntaxError);
    }
  });

  it('others have their turn while a large one is read', async () => {
    const text = JSON.stringify(list(1_000));
    let turns = 0;
    const startedAt = performance.now();
    const timer = setInterval(() => (turns += 1), 1);
    await parsedVectorList(text);
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(Math.min(3, Math.floor((performance.now() - startedAt) / 100)));
    expect(turns).toBeGreaterThan(0);
  });
});

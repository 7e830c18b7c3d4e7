import { alternately, inTurn } from './rounds.js';

describe('inTurn', () => {
  it('measures both in every round, in changing order, after a warm-up that counts for nothing', async () => {
    const calls: string[] = [];
    const measure = async (side: string): Promise<string> => `${side} ${calls.push(side)}`;
    const pairs = await inTurn(3, (side) => Promise.resolve(calls.push(`warm ${side}`)), measure);
    expect(calls).toEqual(['warm bare', 'warm router', 'bare', 'router', 'router', 'bare', 'bare', 'router']);
    expect(pairs).toEqual([
      { bare: 'bare 3', router: 'router 4' },
      { router: 'router 5', bare: 'bare 6' },
      { bare: 'bare 7', router: 'router 8' },
    ]);
  });

  it('is for any two', async () => {
    const calls: string[] = [];
    const turns = await alternately(['hit', 'miss'], 2, null, async (side) => calls.push(side));
    expect(calls).toEqual(['hit', 'miss', 'miss', 'hit']);
    expect(turns).toEqual([
      { hit: 1, miss: 2 },
      { miss: 3, hit: 4 },
    ]);
  });
});

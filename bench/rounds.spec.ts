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

  it('is for any that are named', async () => {
    const calls: string[] = [];
    const turns = await alternately(['open', 'key', 'token'], 2, null, async (side) => calls.push(side));
    expect(calls).toEqual(['open', 'key', 'token', 'token', 'key', 'open']);
    expect(turns).toEqual([
      { open: 1, key: 2, token: 3 },
      { token: 4, key: 5, open: 6 },
    ]);
  });
});

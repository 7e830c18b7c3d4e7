import { readUsage } from './usage.js';

describe('a usage object from outside', () => {
  it('keeps counts and the fields that nobody knows', () => {
    const usage = {
      prompt_tokens: 1,
      completion_tokens: 2,
      total_tokens: 3,
      prompt_tokens_details: { cached_tokens: 1 },
    };
    expect(readUsage(usage)).toEqual(usage);
  });

  it('adds up a total that is left out', () => {
    expect(readUsage({ prompt_tokens: 1, completion_tokens: 2 })).toMatchObject({ total_tokens: 3 });
  });

  it.each([undefined, null, '12', -1, Number.NaN, Infinity, 1.5, 1e300, {}, [3], true])('%p is no count', (count) => {
    expect(readUsage({ prompt_tokens: count, completion_tokens: 2, total_tokens: count })).toEqual({
      prompt_tokens: null,
      completion_tokens: 2,
      total_tokens: null,
    });
  });

  it.each([undefined, null, 'x', 7, [], {}, { prompt_tokens: '1' }])('%p is no usage', (reported) => {
    expect(readUsage(reported)).toBeNull();
  });
});

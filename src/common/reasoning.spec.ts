import { openOrigin, reasoningOf, sealOrigin } from './reasoning.js';

describe('the reasoning of a message', () => {
  it('is made of texts, whatever its server writes', () => {
    const sent = [
      { type: 'reasoning.text', text: 5, signature: 's', index: '0' },
      { type: 'reasoning.summary', summary: ['x'], text: null, format: {} },
      { type: 'reasoning.encrypted', data: 7, more: 1 },
      { type: 'reasoning.text', text: 'hm', index: 1, more: 1 },
    ];
    expect(reasoningOf({ reasoning_details: sent }).details).toEqual([
      { type: 'reasoning.text', signature: 's' },
      { type: 'reasoning.summary' },
      { type: 'reasoning.encrypted', more: 1 },
      { type: 'reasoning.text', text: 'hm', index: 1, more: 1 },
    ]);
  });
});

describe('a seal', () => {
  it('says again what was sealed', () => {
    const detail = { type: 'reasoning.text', text: 'hm '.repeat(150_000), signature: 's', index: 0 };
    expect(openOrigin(sealOrigin('m', [detail]))).toEqual({ model: 'm', payload: [detail] });
    expect(openOrigin(sealOrigin('m', {}))).toEqual({ model: 'm', payload: {} });
  });

  it('says texts alone', () => {
    const payload = [{ type: 'reasoning.text', text: 5, data: {}, index: 1 }, 3, { text: 'a', index: 'x' }];
    expect(openOrigin(sealOrigin('m', payload))?.payload).toEqual([
      { type: 'reasoning.text', index: 1 },
      { text: 'a', index: 'x' },
    ]);
  });

  it.each([
    ['too long', [{ type: 'reasoning.text', text: 'x'.repeat(800_000) }]],
    ['too deep', [JSON.parse('[[[[[[[[[]]]]]]]]]')]],
    ['of many objects', Array.from({ length: 1_000 }, () => ({}))],
    ['of many members', [Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [at, '']))]],
    ['of many numbers', [Array.from({ length: 1_000 }, () => 1)]],
  ])('that nothing here would make is none: %s', (_, payload) => {
    expect(openOrigin(sealOrigin('m', payload))).toBeNull();
  });

  it('takes no longer than its text where it was made to take long', () => {
    const text = sealOrigin(
      'm',
      Array.from({ length: 250_000 }, () => ({})),
    );
    const before = process.cpuUsage();
    for (let n = 0; n < 4; n += 1) expect(openOrigin(text)).toBeNull();
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(150);
  });
});

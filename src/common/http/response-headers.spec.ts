import type { HeaderList } from './answer-writer.js';
import { addPlainHeaders } from './response-headers.js';

const costHeader = (costUsd: number): string | undefined => {
  const headers: HeaderList = [];
  addPlainHeaders(headers, { costUsd, persisted: null });
  return headers[headers.indexOf('x-router-cost-usd') + 1];
};

describe('numbers in headers', () => {
  it.each([
    [0, '0'],
    [3, '3'],
    [0.5, '0.5'],
    [0.000_004_2, '0.0000042'],
    [0.000_000_01, '0.00000001'],
    [0.000_000_000_4, '0'],
    [0.999_999_999_9, '1'],
    [12.345_678_912, '12.345678912'],
    [1_234_567.25, '1234567.25'],
  ])('%d USD are written as %s', (usd, text) => expect(costHeader(usd)).toBe(text));

  it('are the nearest number with as many digits', () => {
    for (let i = 0; i < 2_000; i += 1) {
      const usd = Math.random() * 10 ** ((i % 8) - 4);
      expect(Number(costHeader(usd))).toBe(Math.round(usd * 1e9) / 1e9);
    }
  });
});

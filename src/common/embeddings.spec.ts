import fc from 'fast-check';
import { base64Of, numbersOf } from './embeddings.js';

const vectors = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 64 });

describe('vectors as base64', () => {
  it('come back as they were', () => {
    fc.assert(fc.property(vectors, (numbers) => expect(numbersOf(base64Of(numbers))).toEqual(numbers)));
  });

  it('are the little-endian floats that the clients of OpenAI read', () => {
    fc.assert(
      fc.property(vectors, (numbers) => {
        const bytes = Uint8Array.from(Buffer.from(base64Of(numbers), 'base64'));
        expect([...new Float32Array(bytes.buffer)]).toEqual(numbers);
      }),
    );
  });

  it.each(['', 'AAA', 'no base64!', Buffer.from('abc').toString('base64')])('%j is none', (text) => {
    expect(numbersOf(text)).toBeNull();
  });

  it.each([NaN, Infinity, -Infinity, 1e300])('%d is none of them', (number) => {
    expect(numbersOf(base64Of([1, number]))).toBeNull();
  });
});

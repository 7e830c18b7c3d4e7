import fc from 'fast-check';
import { batchesOf, halvesOf, MOST_OF_A_CALL, saysTooManyInputs, type Batch } from './embedding-batches.js';

const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 200 });
const limits = fc.record({ inputs: fc.integer({ min: 1, max: 50 }), tokens: fc.integer({ min: 1, max: 2_000 }) });
const members = (batches: readonly Batch[]) =>
  batches.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));

describe('batches', () => {
  it('have every input once and in order', () => {
    fc.assert(
      fc.property(sizes, limits, (tokens, most) =>
        expect(members(batchesOf(tokens, most))).toEqual(tokens.map((_, at) => at)),
      ),
    );
  });

  it('keep to the limits; only a single input may be larger', () => {
    fc.assert(
      fc.property(sizes, limits, (tokens, most) => {
        for (const { from, to } of batchesOf(tokens, most)) {
          const sum = tokens.slice(from, to).reduce((a, b) => a + b, 0);
          expect(to - from).toBeLessThanOrEqual(most.inputs);
          expect(sum <= most.tokens || to - from === 1).toBe(true);
        }
      }),
    );
  });

  it('are as few as can be where nothing is large', () => {
    expect(batchesOf(new Array<number>(2049).fill(1), MOST_OF_A_CALL)).toEqual([
      { from: 0, to: 2048 },
      { from: 2048, to: 2049 },
    ]);
    expect(batchesOf([], MOST_OF_A_CALL)).toEqual([]);
  });

  it('are halved in order, and a single input is not', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.integer({ min: 2, max: 100 }), (from, count) => {
        const whole = { from, to: from + count };
        expect(members(halvesOf(whole)!)).toEqual(members([whole]));
        expect(halvesOf(whole)!.every((half) => half.to > half.from)).toBe(true);
      }),
    );
    expect(halvesOf({ from: 3, to: 4 })).toBeNull();
  });

  it.each([
    "Invalid 'input': array too long. Expected an array with maximum length 2048, but got an array with length 4096 instead.",
    'Too many inputs. The max number of inputs is 16. We hope to increase the number of inputs per request soon.',
    'batch size 64 > maximum allowed batch size 32',
    'input batch size exceeds the configured limit',
  ])('a server that takes fewer says %j', (message) => expect(saysTooManyInputs(message)).toBe(true));

  it.each(["'dimensions' is not supported by this model", 'Invalid value for input[3]', 'the model is unknown'])(
    '%j is about something else',
    (message) => expect(saysTooManyInputs(message)).toBe(false),
  );
});

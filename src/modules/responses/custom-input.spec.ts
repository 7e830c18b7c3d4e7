import fc from 'fast-check';
import { argumentsOfInput, CustomInput, inputOfArguments } from './custom-input.js';

/** Feeds the text in the pieces that the cuts make. */
function inPieces(text: string, cuts: readonly number[]): { said: string; pieces: string[] } {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  const input = new CustomInput();
  const pieces = [0, ...places].map((from, i) => input.add(text.slice(from, places[i] ?? text.length)));
  pieces.push(input.end());
  return { said: input.text, pieces };
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe('the text in the arguments of a custom tool', () => {
  it('comes out of its JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(inputOfArguments(argumentsOfInput(text))).toBe(text);
      }),
    );
  });

  it('is the same however it is split', () => {
    const args = fc.oneof(
      fc.string({ unit: 'binary' }).map(argumentsOfInput),
      fc.string({ unit: 'binary' }).map((text) => ` {\n "input" : ${JSON.stringify(text)} } `),
      fc.string({ unit: 'binary' }).map((text) => argumentsOfInput(text).slice(0, -3)),
      fc.string({ unit: fc.constantFrom('{', '"', 'input', ':', '\\', 'u', '00e9', ' ', '\n', '}', 'a') }),
      fc.json(),
    );
    fc.assert(
      fc.property(args, cuts, (text, at) => {
        const { said, pieces } = inPieces(text, at);
        expect(said).toBe(inputOfArguments(text));
        expect(pieces.join('')).toBe(said);
      }),
      { numRuns: 500 },
    );
  });

  it('is told as soon as it is there', () => {
    const input = new CustomInput();
    expect(['{"in', 'put":"a', 'b\\', 'nc\\u00', 'e9"', '}'].map((piece) => input.add(piece))).toEqual([
      ...['', 'a', 'b', '\nc', 'é', ''],
    ]);
  });

  it.each([
    ['plain text instead of JSON', 'ls -l', 'ls -l'],
    ['another field first', '{"why":"x","input":"ls"}', 'ls'],
    ['no input', '{"cmd":"ls"}', '{"cmd":"ls"}'],
    ['a real line break in the string', '{"input":"a\nb"}', 'a\nb'],
    ['what is no escape', '{"input":"a\\qb"}', 'a\\qb'],
    ['an end in the middle', '{"input":"ab\\', 'ab'],
    ['nothing', '', ''],
  ])('%s', (_, args, text) => expect(inputOfArguments(args)).toBe(text));
});

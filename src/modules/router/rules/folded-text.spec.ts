import { FoldedText } from './folded-text.js';

/** What it must come to, by patterns. */
function byPatterns(text: string): string {
  const lower = text.toLowerCase().replaceAll('c++', 'cpp').replaceAll('c#', 'csharp').normalize('NFKD');
  return ` ${lower
    .replace(/\p{M}+/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `;
}

const folded = new FoldedText();
const read = (text: string): string => {
  const { codes, length } = folded.read(text);
  return String.fromCharCode(...codes.subarray(0, length));
};

const PIECES = [
  'c++',
  'C#',
  'c',
  '+',
  '#',
  ' ',
  'Ab',
  '9',
  '?!',
  '\n',
  '_',
  'É',
  'ﬁ',
  '，',
  '写代码',
  '\u0301',
  '\ud83d',
];

it('reads as the patterns do', () => {
  let state = 1;
  const next = () => (state = (state * 48_271) % 2_147_483_647);
  for (let i = 0; i < 3_000; i += 1) {
    const text = Array.from({ length: next() % 12 }, () => PIECES[next() % (i % 2 === 0 ? 11 : PIECES.length)]!).join(
      '',
    );
    expect([text, read(text)]).toEqual([text, byPatterns(text)]);
    expect(folded.pieces).toBe(byPatterns(text).trim().split(' ').filter(Boolean).length);
  }
});

it('counts words, and what characters without spaces come to', () => {
  expect(folded.read('Write it in C++, please.').words).toBe(5);
  expect(folded.read('写一个 Python 函数').words).toBe(1 + 4); // 5 characters, 1.6 a word
});

it('has room for a text of any length', () => {
  expect(read('c# '.repeat(10_000))).toBe(` ${'csharp '.repeat(10_000)}`);
  expect(read('é'.repeat(40_000))).toHaveLength(40_002);
});

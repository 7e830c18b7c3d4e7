import { withoutQuotations } from './own-words.js';

/** What it must come to, as a pattern; its time grows with the square of the text. */
const QUOTATION = /"[^"\n]{0,600}"|“[^”\n]{0,600}”|„[^“”\n]{0,600}[“”]|«[^»\n]{0,600}»|「[^」\n]{0,600}」/g;
const PIECES = ['"', '“', '”', '„', '«', '»', '「', '」', '\n', 'a', ' b ', 'x'.repeat(599), 'y'.repeat(2)];

it('takes out quotations as the pattern does', () => {
  let state = 1;
  const next = () => (state = (state * 48_271) % 2_147_483_647);
  for (let i = 0; i < 3_000; i += 1) {
    const text = Array.from({ length: 1 + (next() % 20) }, () => PIECES[next() % PIECES.length]!).join('');
    expect(withoutQuotations(text)).toBe(text.replace(QUOTATION, ' '));
  }
});

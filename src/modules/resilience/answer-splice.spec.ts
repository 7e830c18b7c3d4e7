import { AnswerSplice, NotJoinable } from './answer-splice.js';

const WORDS = 'one two three four five six seven eight nine ten eleven twelve';
const SENT = WORDS.slice(0, 33); // "... six seven"

/** The whole text of the caller, with the second answer coming in pieces of `size` characters. */
function spliced(sent: string, second: string, continues: boolean, size: number): string {
  const splice = new AnswerSplice(sent, continues);
  let text = sent;
  for (let at = 0; at < second.length; at += size) text += splice.push(second.slice(at, at + size));
  return text + splice.end();
}

describe.each([1, 3, 7, 1_000])('AnswerSplice, pieces of %i characters', (size) => {
  it('drops the beginning of an answer told again', () => expect(spliced(SENT, WORDS, false, size)).toBe(WORDS));

  it('drops an overlap with the end', () => expect(spliced(SENT, WORDS.slice(14), false, size)).toBe(WORDS));

  it('appends a continuation', () => expect(spliced(SENT, WORDS.slice(33), true, size)).toBe(WORDS));

  it('appends a continuation that begins with the last letter', () =>
    expect(spliced('Say hel', 'lo to everybody', true, size)).toBe('Say hello to everybody'));

  it('drops the beginning of an answer told again although it was to be continued', () =>
    expect(spliced(SENT, WORDS, true, size)).toBe(WORDS));

  it('refuses another text', () => expect(() => spliced(SENT, `Sure! ${WORDS}`, false, size)).toThrow(NotJoinable));

  it('refuses a text that differs late', () =>
    expect(() => spliced(SENT, `${SENT.slice(0, 30)}XYZ and more`, false, size)).toThrow(NotJoinable));

  it('refuses an answer told again that is shorter than what was sent', () =>
    expect(() => spliced(SENT, SENT.slice(0, 20), false, size)).toThrow(NotJoinable));

  it('appends a continuation that ends while it still looked like a repetition', () =>
    expect(spliced('la la la la la ', 'la la', true, size)).toBe('la la la la la la la'));

  it('joins text of one repeated word', () =>
    expect(spliced('word '.repeat(40), 'word '.repeat(60), false, size)).toBe('word '.repeat(60)));

  it('takes the longest overlap', () =>
    expect(spliced('x abcabcabcabcabcabc', 'abcabcabcabcabcabc!', false, size)).toBe('x abcabcabcabcabcabc!'));
});

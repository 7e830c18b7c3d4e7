import { AnswerSplice, NotJoinable, type Joint } from './answer-splice.js';

const WORDS = 'one two three four five six seven eight nine ten eleven twelve';
const SENT = WORDS.slice(0, 33); // "... six seven"
const CAPITALS = '1. The capital of France is Paris.\n2. The capital of ';
const TABLE = '| name | age |\n| --- | --- |\n| Ann | 41 |\n| Bob | 43 |\n| Bob | 43 |\n';
const CHORUS = 'Row, row, row your boat, gently down the stream.\nMerrily, merrily, life is but a dream.\n';

function splicedBy(sent: string, second: string, continues: boolean, size: number): [string, Joint | null] {
  const splice = new AnswerSplice(sent, continues);
  let text = sent;
  for (let at = 0; at < second.length; at += size) text += splice.push(second.slice(at, at + size));
  return [text + splice.end(), splice.joint];
}

describe.each([1, 3, 7, 1_000])('AnswerSplice, pieces of %i characters', (size) => {
  /** The whole text of the caller. */
  const spliced = (sent: string, second: string, continues: boolean) => splicedBy(sent, second, continues, size)[0];

  describe('asked anew', () => {
    it('drops the beginning of an answer told again', () => expect(spliced(SENT, WORDS, false)).toBe(WORDS));

    it.each(['', 'o', 'one tw', WORDS])('an answer told again may have been cut anywhere: %j', (sent) =>
      expect(splicedBy(sent, WORDS, false, size)).toEqual([WORDS, 'retold']),
    );

    it('drops an overlap with the end', () =>
      expect(splicedBy(SENT, WORDS.slice(14), false, size)).toEqual([WORDS, 'overlap']));

    it('an overlap that is all the new answer has completes it', () =>
      expect(spliced(SENT, SENT.slice(8), false)).toBe(SENT));

    it('drops an overlap in a script without spaces', () => {
      const sent = '東京は日本の首都であり、世界で最も人口の多い都市の一つです。大阪は';
      expect(spliced(sent, `${sent.slice(12)}西にあります。`, false)).toBe(`${sent}西にあります。`);
    });

    it.each([
      ['another text', SENT, `Sure! ${WORDS}`],
      ['a text that differs late', SENT, `${SENT.slice(0, 30)}XYZ and more`],
      ['an answer told again that is shorter than what was sent', SENT, SENT.slice(0, 20)],
      ['an overlap of common words', CAPITALS, 'The capital of France is Paris. The capital of Italy is Rome.'],
      ['a short overlap', `${SENT} the end of`, 'the end of the story is near'],
      ['an overlap that begins within a word', SENT, WORDS.slice(11)],
      [
        'an overlap found twice',
        'a list of the things we saw, and a list of the things we ',
        'a list of the things we did',
      ],
      ['one piece over and over, in another number', 'x abcabcabcabcabcabcabc', 'abcabcabcabcabcabc!'],
      ['nothing', SENT, ''],
    ])('refuses %s', (_, sent, second) => expect(() => spliced(sent, second, false)).toThrow(NotJoinable));

    it('joins text of one repeated word', () =>
      expect(spliced('word '.repeat(40), 'word '.repeat(60), false)).toBe('word '.repeat(60)));

    it('takes the longest overlap', () => {
      const rows = 'row four of the list\nrow five of the list\nrow six of the list\n';
      expect(spliced(`row one\n${rows}`, `${rows}the end`, false)).toBe(`row one\n${rows}the end`);
    });
  });

  describe('asked to go on', () => {
    it.each([
      ['a continuation', SENT, WORDS.slice(33)],
      ['one that begins with the last letter', 'Say hel', 'lo to everybody'],
      ['one that repeats the last row', TABLE, '| Bob | 43 |\n| Cid | 45 |'],
      ['one that begins with common words', CAPITALS, 'The capital of'],
      ['one that ends while it still looks like a repetition', CHORUS, CHORUS.slice(0, 48)],
      ['a refrain that goes on otherwise', CHORUS, 'Row, row, row your boat, gently up the creek.'],
      ['one that repeats what is repeated', 'la la la la ', 'la la la la la la'],
      ['more of the same rows', '| a | b | c |\n'.repeat(3), '| a | b | c |\n'.repeat(4)],
    ])('appends %s as it comes', (_, sent, second) =>
      expect(splicedBy(sent, second, true, size)).toEqual([sent + second, 'continuation']),
    );

    it.each([SENT, CAPITALS, TABLE, 'one two'])('drops the beginning of an answer told again: %j', (sent) =>
      expect(splicedBy(sent, `${sent} and more`, true, size)).toEqual([`${sent} and more`, 'retold']),
    );

    it.each([
      ['a few letters that may be both', 'The', 'The capital is Paris.'],
      ['an answer told again in other words', `${SENT} and then it`, `${SENT}, so it is complete`],
    ])('refuses %s', (_, sent, second) => expect(() => spliced(sent, second, true)).toThrow(NotJoinable));
  });
});

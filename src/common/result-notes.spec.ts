import { isResultNote, RESULT_FAILED, shownBelow, shownOf } from './result-notes.js';

describe('notes beside the results of tools', () => {
  it.each([RESULT_FAILED, shownBelow(1), shownBelow(12), shownOf('t1'), shownOf('a\nb')])('%j is one', (note) =>
    expect(isResultNote(note)).toBe(true),
  );
  it.each([`${RESULT_FAILED}\nno`, `x${shownBelow(1)}`, `${shownOf('t1')} x`, '', 5, undefined])('%j is none', (text) =>
    expect(isResultNote(text)).toBe(false),
  );
});

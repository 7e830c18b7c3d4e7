import { OverlapScan, repeatsItself } from './overlap-scan.js';

/** An overlap that proves something has so many words and characters; a shorter one is chance ("the capital of"). */
const OVERLAP_WORDS = 4;
const OVERLAP_CHARACTERS = 18;
/** A text this long is not begun anew by chance by a model that was to go on from its end. */
const RETOLD_WORDS = 2;
const RETOLD_CHARACTERS = 6;
/** So much of the beginning, and then something else: the answer is told again in other words. */
const RETOLD_OTHERWISE_WORDS = 5;
const RETOLD_OTHERWISE_CHARACTERS = 32;

/** In scripts without spaces every character counts as a word. */
const WORD = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}]|[\p{L}\p{N}]+/gu;
const WITHIN_WORD = /^[\p{L}\p{N}]{2}$/u;
const DENSE = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}]/u;

/** The new text neither repeats nor continues what the caller has: joined, it would be an answer nobody gave. */
export class NotJoinable extends Error {
  constructor() {
    super('the second answer differs from what was already sent');
  }
}

/** How the new answer meets what was sent: told from the beginning, from somewhere before its end, or going on from it. */
export type Joint = 'retold' | 'overlap' | 'continuation';

/**
 * Joins a second answer to the part of a first one that the caller already has (FAULTS, "How recovery of a cut stream
 * works"). An answer asked for anew begins with all that was sent, or with an overlap that ends where it ends, long and
 * found nowhere else in it. A model that was given what was sent goes on from there, repetitions included, unless it tells
 * all of it again. Anything else cannot be joined for sure. Holds text back only while it can still be the one or the
 * other; linear in the length of both.
 */
export class AnswerSplice {
  private held = '';
  private how: Joint | null = null;
  private dropped = 0;
  private readonly scan: OverlapScan | null;

  /**
   * @param sent what the caller has
   * @param continues whether the model was given `sent` to go on from
   */
  constructor(
    private readonly sent: string,
    continues: boolean,
  ) {
    this.scan = continues ? null : new OverlapScan(sent);
  }

  /** `null` until it is settled. */
  get joint(): Joint | null {
    return this.how;
  }

  /** Characters of the new answer that the caller had already. */
  get droppedCharacters(): number {
    return this.dropped;
  }

  /**
   * Takes the next piece of the new answer.
   *
   * @returns what of it goes to the caller now
   * @throws NotJoinable
   */
  push(piece: string): string {
    if (this.how) return piece;
    this.held += piece;
    if (this.scan) return this.scan.push(piece) ? this.joinOverlap(this.scan) : '';
    if (this.held.length < this.sent.length && this.sent.startsWith(piece, this.held.length - piece.length)) return '';
    return this.joinContinuation();
  }

  /** The new answer is complete. @returns what was still held back @throws NotJoinable */
  end(): string {
    if (this.how) return '';
    if (!this.scan) return this.join('continuation', 0); // shorter than what was sent: a refrain, not the answer again
    this.scan.end();
    return this.joinOverlap(this.scan);
  }

  private joinOverlap({ length, isUnique }: OverlapScan): string {
    const at = this.sent.length - length;
    if (at === 0) return this.join('retold', length);
    const overlap = this.sent.slice(at);
    if (isUnique && !isWithinWord(this.sent, at) && isLong(overlap, OVERLAP_WORDS, OVERLAP_CHARACTERS)) {
      return this.join('overlap', length);
    }
    throw new NotJoinable();
  }

  private joinContinuation(): string {
    const { sent, held } = this;
    const common = commonPrefix(sent, held);
    if (common < sent.length) {
      const otherwise = isLong(held.slice(0, common), RETOLD_OTHERWISE_WORDS, RETOLD_OTHERWISE_CHARACTERS);
      if (otherwise && !sent.endsWith('\n')) throw new NotJoinable(); // after a line, a refrain may begin like the first
      return this.join('continuation', 0);
    }
    if (repeatsItself(sent)) return this.join('continuation', 0);
    if (isLong(sent, RETOLD_WORDS, RETOLD_CHARACTERS)) return this.join('retold', sent.length);
    throw new NotJoinable();
  }

  private join(how: Joint, dropped: number): string {
    this.how = how;
    this.dropped = dropped;
    const rest = this.held.slice(dropped);
    this.held = '';
    return rest;
  }
}

/** Whether a cut before the character at `at` would go through a word. */
function isWithinWord(text: string, at: number): boolean {
  const around = text.slice(at - 1, at + 1);
  return WITHIN_WORD.test(around) && !DENSE.test(around);
}

function isLong(text: string, words: number, characters: number): boolean {
  return text.length >= characters && (text.match(WORD)?.length ?? 0) >= words;
}

function commonPrefix(a: string, b: string): number {
  const longest = Math.min(a.length, b.length);
  let length = 0;
  while (length < longest && a.charCodeAt(length) === b.charCodeAt(length)) length += 1;
  return length;
}

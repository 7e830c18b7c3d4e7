/** A shorter overlap is more likely chance ("the", a repeated digit) than the answer told again. */
const MIN_OVERLAP_CHARACTERS = 12;

/** The new text neither repeats nor continues what the caller has: joined, it would be an answer nobody gave. */
export class NotJoinable extends Error {
  constructor() {
    super('the second answer differs from what was already sent');
  }
}

/**
 * Joins a second answer to the part of a first one that the caller already has (FAULTS, "How recovery of a cut stream
 * works"): a new answer that begins with what was sent loses that beginning; one that overlaps its end loses the
 * overlap; a continuation goes out as it comes. Holds text back only while it can still be the one or the other.
 */
export class AnswerSplice {
  private held = '';
  /** Where in `sent` the held text may still be going on; ascending, so the longest overlap comes first. */
  private open: number[];
  /** Start of the longest part of `sent`, up to its end, that the held text begins with. */
  private overlapAt: number | null = null;
  private joined = false;

  /**
   * @param sent what the caller has, at least one character
   * @param continues whether the model was given `sent` to go on from, so that any other text is its continuation
   */
  constructor(
    private readonly sent: string,
    private readonly continues: boolean,
  ) {
    const last = sent.length - MIN_OVERLAP_CHARACTERS;
    this.open = [0];
    for (let at = 1; at <= last; at += 1) this.open.push(at);
  }

  /** Whether it is settled how the two answers meet. */
  get isJoined(): boolean {
    return this.joined;
  }

  /** Whether the new answer began in the middle of what was sent. */
  get isOverlap(): boolean {
    return this.overlapAt !== null && this.overlapAt > 0;
  }

  /**
   * Takes the next piece of the new answer.
   *
   * @returns what of it goes to the caller now
   * @throws NotJoinable
   */
  push(piece: string): string {
    if (this.joined) return piece;
    this.narrow(piece);
    this.held += piece;
    const longest = this.open[0];
    if (longest !== undefined && (this.overlapAt === null || longest < this.overlapAt)) return '';
    return this.join();
  }

  /** The new answer is complete. @returns what was still held back @throws NotJoinable */
  end(): string {
    if (this.joined) return '';
    return this.join();
  }

  private narrow(piece: string): void {
    const { sent, held } = this;
    this.open = this.open.filter((at) => {
      const expected = sent.length - at - held.length; // characters until this place reaches the end of `sent`
      if (piece.length < expected) return sent.startsWith(piece, at + held.length);
      if (piece.startsWith(sent.slice(at + held.length)) && (this.overlapAt === null || at < this.overlapAt)) {
        this.overlapAt = at;
      }
      return false;
    });
  }

  private join(): string {
    this.joined = true;
    if (this.overlapAt !== null) return this.held.slice(this.sent.length - this.overlapAt);
    if (this.continues) return this.held;
    throw new NotJoinable();
  }
}

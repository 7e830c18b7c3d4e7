/**
 * Finds the longest beginning of a text that is the end of another one, while the text is still coming: Knuth, Morris and
 * Pratt's search for the new text in `sent`, which waits at the place where all that is known of the new text fits. Every
 * character of both is looked at a bounded number of times, whatever the text repeats.
 *
 * @see https://doi.org/10.1137/0206024 (Fast pattern matching in strings)
 */
export class OverlapScan {
  /** UTF-16 codes of the new text; more of them than `sent` has are of no interest. */
  private readonly codes: Uint16Array;
  private known = 0;
  /** Per length of a beginning of the new text: how much of its own beginning it ends with. */
  private readonly borders: Int32Array;
  private bordersKnown = 0;
  private at = 0;
  private matched = 0;
  private longestBefore = 0;

  constructor(private readonly sent: string) {
    this.codes = new Uint16Array(sent.length);
    this.borders = new Int32Array(sent.length + 1);
  }

  /** Characters of the overlap; final once `push` said so, or after `end`. */
  get length(): number {
    return this.matched;
  }

  /** Whether the overlap is nowhere else in `sent` and no piece over and over: it can then be laid in one way only. */
  get isUnique(): boolean {
    return this.matched > this.longestBefore && 2 * this.border(this.matched) < this.matched;
  }

  /** Takes the next piece of the new text. @returns whether the longest overlap is known */
  push(piece: string): boolean {
    const taken = Math.min(piece.length, this.codes.length - this.known);
    for (let i = 0; i < taken; i += 1) this.codes[this.known + i] = piece.charCodeAt(i);
    this.known += taken;
    this.advance();
    return this.at === this.sent.length;
  }

  /** The new text is complete. */
  end(): void {
    if (this.known === 0) this.at = this.sent.length;
    while (this.at < this.sent.length) {
      this.matched = this.border(this.matched); // no more text comes that could go on from here
      this.advance();
    }
  }

  private advance(): void {
    const { sent, codes, known } = this;
    let { at, matched } = this;
    while (at < sent.length && matched < known) {
      const next = sent.charCodeAt(at);
      while (matched > 0 && codes[matched] !== next) matched = this.border(matched);
      if (codes[matched] === next) matched += 1;
      at += 1;
      if (at < sent.length && matched > this.longestBefore) this.longestBefore = matched;
    }
    this.at = at;
    this.matched = matched;
  }

  private border(length: number): number {
    const { borders, codes } = this;
    for (let of = this.bordersKnown + 1; of <= length; of += 1) {
      let border = borders[of - 1]!;
      while (border > 0 && codes[border] !== codes[of - 1]) border = borders[border]!;
      borders[of] = of > 1 && codes[border] === codes[of - 1] ? border + 1 : 0;
      this.bordersKnown = of;
    }
    return borders[length]!;
  }
}

/** Whether a text is one piece twice or more: what goes on with it looks like its beginning. */
export function repeatsItself(text: string): boolean {
  const scan = new OverlapScan(text);
  scan.push(text);
  return !scan.isUnique;
}

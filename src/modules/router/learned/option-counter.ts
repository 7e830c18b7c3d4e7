const MOST_OPTIONS = 12;

/** Finds answer options "A. ... B. ..." in order, on lines of their own or not. Lengths are characters without white space. */
export class OptionCounter {
  /** Of the text that is read, up to now. */
  solid = 0;
  digits = 0;
  /** What has been found. */
  options = 0;
  questionLength = 0;
  totalLength = 0;
  longest = 0;
  /** Options that are mostly digits. */
  numeric = 0;
  /** Number of the latest option's letter; -1 before the first. */
  private latest = -1;
  private start = 0;
  private digitsBefore = 0;

  reset(): void {
    this.solid = this.digits = 0;
    this.options = this.questionLength = this.totalLength = this.longest = this.numeric = 0;
    this.latest = -1;
  }

  /** A letter (0 = a) with a mark behind it ("A.", "b)") where an option may begin. */
  mark(letter: number): void {
    if (letter !== this.latest + 1 || letter >= MOST_OPTIONS) return;
    if (this.latest >= 0) this.close();
    else this.questionLength = this.solid;
    this.latest = letter;
    this.start = this.solid;
    this.digitsBefore = this.digits;
  }

  end(): void {
    if (this.latest < 1) {
      this.questionLength = this.solid;
      return;
    }
    this.close();
    this.options = this.latest + 1;
  }

  private close(): void {
    const length = this.solid - this.start;
    this.totalLength += length;
    this.longest = Math.max(this.longest, length);
    if ((this.digits - this.digitsBefore) * 3 >= length) this.numeric += 1;
  }
}

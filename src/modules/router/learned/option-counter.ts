import { at } from './prompt-shape.js';

const MOST_OPTIONS = 12;

/** Whether white space, a bracket or the beginning stands there: "A." opens an option, "U.S.A." does not. */
const isOpening = (codes: Uint16Array, i: number): boolean => i < 0 || codes[i]! <= 32 || codes[i] === 40;

/** Finds answer options "A. ... B. ..." in order, on lines of their own or not. */
export class OptionCounter {
  /** Digits since the latest option began. */
  digits = 0;
  private latest = -1;
  private start = 0;

  reset(): void {
    this.digits = 0;
    this.latest = -1;
    this.start = 0;
  }

  /** A word of one letter has ended before character `i`. */
  letter(codes: Uint16Array, i: number, solid: number, shape: Float32Array): void {
    const mark = codes[i];
    if (mark !== 46 && mark !== 41 && mark !== 58) return;
    const letter = codes[i - 1]! - 97;
    if (letter !== this.latest + 1 || letter >= MOST_OPTIONS || !isOpening(codes, i - 2)) return;
    if (this.latest >= 0) this.close(solid, shape);
    else shape[at.question_characters] = solid;
    this.latest = letter;
    this.start = solid;
    this.digits = 0;
  }

  end(solid: number, shape: Float32Array): void {
    if (this.latest < 1) {
      shape[at.question_characters] = solid;
      return;
    }
    this.close(solid, shape);
    shape[at.options] = this.latest + 1;
  }

  private close(solid: number, shape: Float32Array): void {
    const length = solid - this.start;
    shape[at.option_characters]! += length;
    shape[at.longest_option] = Math.max(shape[at.longest_option]!, length);
    if (this.digits * 3 >= length) shape[at.numeric_options]! += 1;
  }
}

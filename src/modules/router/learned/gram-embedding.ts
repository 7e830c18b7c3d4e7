import type { PromptScan } from './prompt-scan.js';

/** Rows that are added before a sum of 16 bits could run over: 257 times 255. */
const AT_ONCE = 256;
/** Makes signed numbers of 8 bits unsigned ones, all four of a word. */
const UNSIGNED = 0x80808080;

/**
 * Adds up the rows that belong to a prompt's grams. A row is signed numbers of 8 bits, read four at a time and added two
 * at a time: a prompt has some hundred grams.
 */
export class GramEmbedding {
  /** Of the latest prompt; by hidden value. */
  readonly sums: Int32Array;
  /** Rows as words of four unsigned numbers, the first one lowest. */
  private readonly rows: Int32Array;
  private readonly isKnown: Uint8Array;

  constructor(embedding: Int8Array, width: number) {
    this.sums = new Int32Array(width);
    this.isKnown = new Uint8Array(embedding.length / width);
    embedding.forEach((value, i) => {
      if (value !== 0) this.isKnown[Math.floor(i / width)] = 1;
    });
    this.rows = new Int32Array(embedding.slice().buffer).map((word) => word ^ UNSIGNED);
  }

  /** @returns how many of the grams the training knew */
  add({ grams, gramCount }: PromptScan): number {
    const { sums, rows, isKnown } = this;
    const words = sums.length / 4;
    sums.fill(-128 * gramCount);
    for (let from = 0; from < gramCount; from += AT_ONCE) {
      const to = Math.min(gramCount, from + AT_ONCE);
      for (let word = 0; word < words; word += 1) {
        let even = 0;
        let odd = 0;
        for (let i = from; i < to; i += 1) {
          const four = rows[grams[i]! * words + word]!;
          even = (even + (four & 0xff00ff)) | 0;
          odd = (odd + ((four >>> 8) & 0xff00ff)) | 0;
        }
        sums[4 * word]! += even & 0xffff;
        sums[4 * word + 1]! += odd & 0xffff;
        sums[4 * word + 2]! += even >>> 16;
        sums[4 * word + 3]! += odd >>> 16;
      }
    }
    let known = 0;
    for (let i = 0; i < gramCount; i += 1) known += isKnown[grams[i]!]!;
    return known;
  }
}

import { FoldedText, isUnspacedScript } from './folded-text.js';

/** One find of a cue: half-open range in the folded text. */
export interface CueHit {
  readonly category: string;
  readonly start: number;
  readonly end: number;
}

/** The categories of the phrases that end at a node. */
interface Ends {
  /** As a whole word. */
  readonly whole: string[];
  /** As a stem, whatever letters follow. */
  readonly stem: string[];
}

const BLANK = 32;
const ROOT = 0;

/** Children of a node for characters of ASCII: a blank is 0, letters and digits are 1 to 36. */
const SLOTS = 37;
const SLOT_OF = new Int8Array(128).fill(-1);
[...' abcdefghijklmnopqrstuvwxyz0123456789'].forEach((character, slot) => {
  SLOT_OF[character.charCodeAt(0)] = slot;
});

/**
 * Finds many phrases in one pass. A phrase matches whole words; one that ends in `*` matches any ending of its last
 * word; one in an unspaced script matches anywhere. Time is linear in the text: from each word the walk goes no
 * further than the longest phrase.
 */
export class CueMatcher {
  /** A trie: `SLOTS` numbers a node, each the child's number or 0. A list of numbers stays in the processor's cache. */
  private next = new Int32Array(SLOTS);
  /** Children for all other characters, by `node * 65536 + code`. */
  private readonly others = new Map<number, number>();
  private readonly ends: (Ends | null)[] = [null];

  /** @param lexicon category -> phrases, as a person writes them; they are folded as the text is */
  constructor(lexicon: Readonly<Record<string, readonly string[]>>) {
    const folded = new FoldedText();
    for (const [category, phrases] of Object.entries(lexicon)) {
      for (const phrase of phrases) this.add(category, folded.read(phrase), phrase.endsWith('*'));
    }
  }

  find({ codes, length }: FoldedText): CueHit[] {
    const hits: CueHit[] = [];
    let before = BLANK;
    for (let start = 1; start < length; start += 1) {
      const code = codes[start]!;
      if (before === BLANK || isUnspacedScript(code)) this.walk(codes, start, length, hits);
      before = code;
    }
    return hits;
  }

  private walk(codes: Uint16Array, start: number, length: number, hits: CueHit[]): void {
    let node = ROOT;
    for (let end = start; end < length;) {
      node = this.childOf(node, codes[end]!);
      if (node === ROOT) return;
      end += 1;
      const ends = this.ends[node];
      if (!ends) continue;
      for (const category of ends.stem) hits.push({ category, start, end });
      if (codes[end] !== BLANK) continue;
      for (const category of ends.whole) hits.push({ category, start, end });
    }
  }

  /** `ROOT` where there is none. */
  private childOf(node: number, code: number): number {
    const slot = code < 128 ? SLOT_OF[code]! : -1;
    return slot >= 0 ? this.next[node * SLOTS + slot]! : (this.others.get(node * 65_536 + code) ?? ROOT);
  }

  private add(category: string, { codes, length }: FoldedText, isStem: boolean): void {
    let node = ROOT;
    for (let i = 1; i < length - 1; i += 1) node = this.childOf(node, codes[i]!) || this.newChild(node, codes[i]!);
    const ends = (this.ends[node] ??= { whole: [], stem: [] });
    (isStem || isUnspacedScript(codes[length - 2]!) ? ends.stem : ends.whole).push(category);
  }

  private newChild(node: number, code: number): number {
    const child = this.ends.push(null) - 1;
    if (this.ends.length * SLOTS > this.next.length) {
      const grown = new Int32Array(this.next.length * 2);
      grown.set(this.next);
      this.next = grown;
    }
    const slot = code < 128 ? SLOT_OF[code]! : -1;
    if (slot >= 0) this.next[node * SLOTS + slot] = child;
    else this.others.set(node * 65_536 + code, child);
    return child;
  }
}

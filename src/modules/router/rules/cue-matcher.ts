import { CUE_CATEGORIES, CUES } from './cue-lexicon.js';
import { BLANK, FoldedText, isUnspacedScript } from './folded-text.js';

const ROOT = 0;

/** Children of a node for characters of ASCII: a blank is 0, letters and digits are 1 to 36. */
const SLOTS = 37;
const SLOT_OF = new Int8Array(128).fill(-1);
[...' abcdefghijklmnopqrstuvwxyz0123456789'].forEach((character, slot) => {
  SLOT_OF[character.charCodeAt(0)] = slot;
});

/** A phrase that ends at a node. */
interface End {
  /** By its number. */
  readonly category: number;
  /** Whether any letters may follow; else a blank must. */
  readonly isStem: boolean;
}

const NO_ENDS: readonly End[] = [];

/**
 * Finds the phrases of the lexicon in one pass. A phrase matches whole words; one that ends in `*` matches any ending of
 * its last word; one in an unspaced script matches anywhere. Time is linear in the text: from each word the walk goes no
 * further than the longest phrase.
 */
class CueMatcher {
  /** A trie: `SLOTS` numbers a node, each the child's number or 0. */
  private next = new Uint16Array(SLOTS);
  /** Children for all other characters, by `node * 65536 + code`. */
  private readonly others = new Map<number, number>();
  private readonly ends: (readonly End[])[] = [NO_ENDS];

  constructor() {
    const folded = new FoldedText();
    CUE_CATEGORIES.forEach((name, category) => {
      for (const phrase of CUES[name]) this.add(category, folded.read(phrase), phrase.endsWith('*'));
    });
  }

  /** Counts the phrases of a text by the number of their category. @returns the categories found, as bits */
  count({ codes, length }: FoldedText, counts: Uint16Array): number {
    counts.fill(0);
    let before = BLANK;
    for (let start = 1; start < length; start += 1) {
      const code = codes[start]!;
      if (before === BLANK || isUnspacedScript(code)) this.walk(codes, start, length, 0, counts);
      before = code;
    }
    let found = 0;
    for (let category = 0; category < counts.length; category += 1) if (counts[category]! > 0) found |= 1 << category;
    return found;
  }

  /** Where the longest phrase of these categories (bits) ends that begins at `start`; 0 when there is none. */
  endOf({ codes, length }: FoldedText, start: number, categories: number): number {
    return start < length ? this.walk(codes, start, length, categories, null) : 0;
  }

  private walk(codes: Uint16Array, start: number, length: number, asked: number, counts: Uint16Array | null): number {
    let node = ROOT;
    let reached = 0;
    for (let end = start; end < length;) {
      node = this.childOf(node, codes[end]!);
      if (node === ROOT) break;
      end += 1;
      const isWhole = codes[end] === BLANK;
      for (const { category, isStem } of this.ends[node]!) {
        if (!isStem && !isWhole) continue;
        if (counts) counts[category]! += 1;
        if (asked & (1 << category)) reached = end;
      }
    }
    return reached;
  }

  /** `ROOT` where there is none. */
  private childOf(node: number, code: number): number {
    const slot = code < 128 ? SLOT_OF[code]! : -1;
    return slot >= 0 ? this.next[node * SLOTS + slot]! : (this.others.get(node * 65_536 + code) ?? ROOT);
  }

  private add(category: number, { codes, length }: FoldedText, isStem: boolean): void {
    let node = ROOT;
    for (let i = 1; i < length - 1; i += 1) node = this.childOf(node, codes[i]!) || this.newChild(node, codes[i]!);
    const end = { category, isStem: isStem || isUnspacedScript(codes[length - 2]!) };
    this.ends[node] = [...this.ends[node]!, end];
  }

  private newChild(node: number, code: number): number {
    const child = this.ends.push(NO_ENDS) - 1;
    if (this.ends.length * SLOTS > this.next.length) {
      const grown = new Uint16Array(this.next.length * 2);
      grown.set(this.next);
      this.next = grown;
    }
    const slot = code < 128 ? SLOT_OF[code]! : -1;
    if (slot >= 0) this.next[node * SLOTS + slot] = child;
    else this.others.set(node * 65_536 + code, child);
    return child;
  }
}

export const CUE_MATCHER = new CueMatcher();

/** One find of a cue: half-open range in the folded text. */
export interface CueHit {
  readonly category: string;
  readonly start: number;
  readonly end: number;
}

interface TrieNode {
  /** By `slotOf`: a list is read several times as fast as a map, and every letter of a prompt is looked up. */
  readonly next: (TrieNode | undefined)[];
  /** By character code, of all other scripts. */
  readonly others: Map<number, TrieNode>;
  /** Categories of the phrase that ends here as a whole word. */
  readonly whole: string[];
  /** Categories of the stem that ends here, whatever letters follow. */
  readonly stem: string[];
}

const SPACE = 32;
const NON_ASCII = /[^\u0000-\u007f]/;
const ASCII_GAPS = /[^a-z0-9]+/g;
const UNICODE_GAPS = /[^\p{L}\p{N}]+/gu;
const MARKS = /\p{M}+/gu;

/**
 * Lower case, without accents, with every run of anything but letters and digits made one space, and a space at both
 * ends: so case, spacing, punctuation and full-width forms cannot change a decision, and a word boundary is a space.
 */
export function foldText(text: string): string {
  const lower = text.toLowerCase().replaceAll('c++', 'cpp').replaceAll('c#', 'csharp');
  if (!NON_ASCII.test(lower)) return ` ${lower.replace(ASCII_GAPS, ' ').trim()} `;
  return ` ${lower.normalize('NFKD').replace(MARKS, '').replace(UNICODE_GAPS, ' ').trim()} `;
}

/** Han and kana: scripts without spaces, where a phrase may begin and end anywhere. */
export const isUnspacedScript = (code: number): boolean =>
  (code >= 0x3040 && code <= 0x30ff) || (code >= 0x3400 && code <= 0x9fff);

const SLOTS = 37;
const A = 97;
const Z = 122;
const ZERO = 48;
const NINE = 57;

/** Of a blank 0, of letters and digits 1 to 36; -1 for what is not in ASCII. */
function slotOf(code: number): number {
  if (code >= A && code <= Z) return code - A + 1;
  if (code === SPACE) return 0;
  return code >= ZERO && code <= NINE ? code - ZERO + 27 : -1;
}

const newNode = (): TrieNode => ({
  next: new Array<TrieNode | undefined>(SLOTS).fill(undefined),
  others: new Map(),
  whole: [],
  stem: [],
});

function childOf(node: TrieNode, code: number): TrieNode | undefined {
  const slot = slotOf(code);
  return slot >= 0 ? node.next[slot] : node.others.get(code);
}

function setChild(node: TrieNode, code: number, child: TrieNode): void {
  const slot = slotOf(code);
  if (slot >= 0) node.next[slot] = child;
  else node.others.set(code, child);
}

/**
 * Finds many phrases in one pass. A phrase matches whole words; one that ends in `*` matches any ending of its last
 * word; one in an unspaced script matches anywhere. Time is linear in the text: from each word the walk goes no
 * further than the longest phrase.
 */
export class CueMatcher {
  private readonly root = newNode();

  /** @param lexicon category -> phrases, as a person writes them; they are folded as the text is */
  constructor(lexicon: Readonly<Record<string, readonly string[]>>) {
    for (const [category, phrases] of Object.entries(lexicon)) {
      for (const phrase of phrases) this.add(category, phrase);
    }
  }

  /** @param folded result of `foldText` */
  find(folded: string): CueHit[] {
    const hits: CueHit[] = [];
    let before = SPACE;
    for (let at = 1; at < folded.length; at += 1) {
      const code = folded.charCodeAt(at);
      if (before === SPACE || isUnspacedScript(code)) this.walk(folded, at, code, hits);
      before = code;
    }
    return hits;
  }

  private add(category: string, phrase: string): void {
    const isStem = phrase.endsWith('*');
    const folded = foldText(phrase).trim();
    let node = this.root;
    for (let i = 0; i < folded.length; i += 1) {
      const code = folded.charCodeAt(i);
      const next = childOf(node, code) ?? newNode();
      setChild(node, code, next);
      node = next;
    }
    const unspaced = isUnspacedScript(folded.charCodeAt(folded.length - 1));
    (isStem || unspaced ? node.stem : node.whole).push(category);
  }

  private walk(folded: string, start: number, first: number, hits: CueHit[]): void {
    let node = childOf(this.root, first);
    for (let end = start + 1; node; end += 1) {
      if (node.stem.length > 0) for (const category of node.stem) hits.push({ category, start, end });
      if (node.whole.length > 0 && folded.charCodeAt(end) === SPACE) {
        for (const category of node.whole) hits.push({ category, start, end });
      }
      node = end < folded.length ? childOf(node, folded.charCodeAt(end)) : undefined;
    }
  }
}

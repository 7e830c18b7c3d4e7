/** What Anthropic takes in the id of a call. */
const STRANGE = /[^a-zA-Z0-9_-]/g;
/** Of a call whose server gave it no id. */
const NAMELESS = 'call';

/**
 * The ids of the calls of a conversation, as Anthropic takes them: of its characters, not empty, and none twice. Other servers
 * make `functions.f:0`, the same ones in each turn, or none. A result has the id that its call has got.
 */
export class CallIds {
  private readonly used = new Set<string>();
  private readonly last = new Map<string, string>();
  /** Of the calls that were made last, those whose results have not been seen; several may have come under one id. */
  private open = new Map<string, string[]>();

  /** The model speaks again: what it calls now is what the next results are of. */
  beginTurn(): void {
    this.open = new Map();
  }

  /** @param sent the id as it came; whatever is no text is none */
  ofCall(sent: unknown): string {
    const raw = textIn(sent);
    const wished = validId(raw);
    let id = wished;
    for (let n = 2; this.used.has(id); n += 1) id = `${wished}_${n}`;
    this.used.add(id);
    this.last.set(raw, id);
    const before = this.open.get(raw);
    if (before) before.push(id);
    else this.open.set(raw, [id]);
    return id;
  }

  ofResult(sent: unknown): string {
    const raw = textIn(sent);
    return this.open.get(raw)?.shift() ?? this.last.get(raw) ?? validId(raw);
  }
}

const textIn = (sent: unknown): string => (typeof sent === 'string' ? sent : '');
const validId = (raw: string): string => (raw === '' ? NAMELESS : raw.replace(STRANGE, '_'));

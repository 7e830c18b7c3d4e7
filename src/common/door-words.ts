/** How one protocol calls what chat completions call otherwise. */
export interface Vocabulary {
  /** Paths of fields; the first that matches is replaced. '' = the protocol has no such field. */
  readonly fields: readonly (readonly [chat: RegExp, door: string])[];
  /** Pieces of our own sentences, in the order in which they are replaced. */
  readonly phrases: readonly (readonly [chat: string, door: string])[];
  /** The list that a conversation is sent in. */
  readonly list: string;
  /** What of a path behind a message means the same behind its place; the rest is cut. */
  readonly tail: RegExp;
}

/** `messages[2].content`, and as servers write it: `messages.[2].role`, `messages.2.content`. */
const IN_MESSAGES = /^messages(?:\.?\[(\d+)\]|\.(\d+))?(?![\w-])(.*)$/s;
/** The same within a sentence of ours. */
const PATHS = /\bmessages\[\d+\](?:\.\w+|\[\d+\])*/g;

/**
 * Says what the pipeline tells of a request, whose form is that of chat completions, in the words of the request that its
 * caller sent. Pure; made only where something is to be said.
 */
export abstract class DoorWords {
  protected abstract readonly vocabulary: Vocabulary;

  /** @param isBehindTurns whether stored turns may go out in front of the messages, which a server counts as well */
  constructor(private readonly isBehindTurns: boolean) {}

  /** Where each message that was sent on stands in the caller's request, such as `input[3]` or `instructions`. */
  protected abstract places(): readonly string[];

  /** @param text of our own */
  sentence(text: string): string {
    let said = text.replace(PATHS, (path) => this.placeOf(path, false) ?? path);
    for (const [chat, door] of this.vocabulary.phrases) said = said.replaceAll(chat, door);
    return said;
  }

  /**
   * @param isQuoted whether a model server named it, who saw what was sent on to it
   * @returns `null` where the caller's request has nothing of the kind
   */
  field(param: string, isQuoted: boolean): string | null {
    const place = this.placeOf(param, isQuoted);
    if (place !== null) return place;
    const known = this.vocabulary.fields.find(([chat]) => chat.test(param));
    return (known ? param.replace(...known) : param) || null;
  }

  /** @returns `null` where it is no path of a message */
  private placeOf(path: string, isQuoted: boolean): string | null {
    const found = IN_MESSAGES.exec(path);
    if (!found) return null;
    const [, inBrackets, afterDot, rest = ''] = found;
    const place = this.places()[Number(inBrackets ?? afterDot ?? NaN)];
    if (place === undefined || (isQuoted && this.isBehindTurns)) return this.vocabulary.list;
    return place.endsWith(']') ? place + (this.vocabulary.tail.exec(rest)?.[0] ?? '') : place;
  }
}

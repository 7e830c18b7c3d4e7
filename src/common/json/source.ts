import { outlineOf, type JsonOutline, type JsonPart } from './outline.js';

/**
 * The text that an object was parsed from. Parsing rounds large numbers and sorts keys that look like indexes, so
 * whatever goes on unchanged goes on as this text, with nothing but the changed members replaced.
 */
export class JsonSource {
  private readonly parts: readonly JsonPart[];
  /** Whether numbers stand in it that JavaScript may have rounded. */
  readonly wideNumbers: boolean;

  /** @param hasRepeats whether a name stands twice in one of its objects: parsing kept the last value alone */
  constructor(
    readonly text: string,
    outline: JsonOutline,
    readonly hasRepeats: boolean,
  ) {
    this.parts = outline.parts;
    this.wideNumbers = outline.wideNumbers > 0;
  }

  /** Whether a member stands in it that copies of the data lose: its name is that of the prototype. */
  get hidesMembers(): boolean {
    return this.text.includes('__proto__') && this.parts.some((part) => this.nameOf(part) === '__proto__');
  }

  /** The text, where the data lacks something that it says: digits of a number, a member of the same name. */
  get lostInData(): string | null {
    return this.wideNumbers || this.hasRepeats || this.hidesMembers ? this.text : null;
  }

  /** The text with these members of the outermost object put in: in their place, new ones at the end. */
  with(members: Readonly<Record<string, string>>): string {
    const left = new Map(Object.entries(members));
    let text = '';
    let at = 0;
    for (const part of this.parts) {
      const name = this.nameOf(part);
      const value = left.get(name);
      if (value === undefined) continue;
      left.delete(name);
      text += this.text.slice(at, part.colon + 1) + value;
      at = part.to;
    }
    const end = this.parts.at(-1)?.to ?? this.text.indexOf('{') + 1;
    text += this.text.slice(at, end);
    let comma = this.parts.length > 0 ? ',' : '';
    for (const [name, value] of left) {
      text += `${comma}${JSON.stringify(name)}:${value}`;
      comma = ',';
    }
    return text + this.text.slice(end);
  }

  /** The text of each item of a member that is a list; none for every other member. */
  itemsOf(member: string): string[] {
    const part = this.parts.find((one) => this.nameOf(one) === member);
    if (!part) return [];
    const { parts } = outlineOf(this.text, part.colon + 1, part.to);
    return parts.map(({ from, to }) => this.text.slice(from, to).trim());
  }

  /** A member that is an object, by itself; `null` for every other member. */
  member(name: string): JsonSource | null {
    const part = this.parts.find((one) => this.nameOf(one) === name);
    const text = part ? this.text.slice(part.colon + 1, part.to).trim() : '';
    return text.startsWith('{') ? new JsonSource(text, outlineOf(text), this.hasRepeats) : null;
  }

  private nameOf({ from, colon }: JsonPart): string {
    const quoted = this.text.slice(from, colon).trim();
    return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  }
}

const SOURCE = Symbol('json source');

/** Says whose text it is: a copy, which may have been changed, takes this along and is not meant. */
interface Kept {
  readonly of: object;
  readonly source: JsonSource;
}

/** Puts the text beside the data, under a symbol. As a plain property: `defineProperty` takes twenty times as long. */
export function keepSource<T extends object>(value: T, source: JsonSource | null): T {
  if (source) (value as { [SOURCE]?: Kept })[SOURCE] = { of: value, source };
  return value;
}

/** The text that this very object came in; `null` for one made here. */
export function sourceOf(value: unknown): JsonSource | null {
  const kept = (value as { readonly [SOURCE]?: Kept } | null | undefined)?.[SOURCE];
  return kept && kept.of === value ? kept.source : null;
}

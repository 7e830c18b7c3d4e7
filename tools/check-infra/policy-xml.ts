import { SaxesParser } from 'saxes';
import { lineAt } from './finding.js';

interface PolicyAttribute {
  readonly value: string;
  readonly line: number;
}

/** An element of a policy file. */
export interface PolicyElement {
  readonly name: string;
  /** From 1. */
  readonly line: number;
  readonly attributes: ReadonlyMap<string, PolicyAttribute>;
  readonly parent: PolicyElement | null;
  readonly children: readonly PolicyElement[];
  /** What stands between its tags, without comments. */
  readonly text: string;
}

type Growing = Omit<PolicyElement, 'attributes' | 'children' | 'text'> & {
  attributes: Map<string, PolicyAttribute>;
  children: PolicyElement[];
  text: string;
};

export interface ReadPolicy {
  /** `null` when the file is no XML. */
  readonly root: PolicyElement | null;
  readonly problems: readonly { readonly line: number; readonly problem: string }[];
}

/** The parser reads on to the next `;` before it says so. Comments may have one, and the check takes none there either. */
const BARE_AMPERSAND = /&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);)/;

/** Reads a policy as strict XML 1.0, as the format `xml` of the gateway asks. */
export function readPolicy(text: string): ReadPolicy {
  const bare = text.search(BARE_AMPERSAND);
  if (bare >= 0) return { root: null, problems: [{ line: lineAt(text, bare), problem: 'a bare &' }] };
  const problems: { line: number; problem: string }[] = [];
  const open: Growing[] = [];
  let root: PolicyElement | null = null;
  const parser = new SaxesParser();
  parser.on('error', ({ message }) => problems.push({ line: parser.line, problem: message.replace(/^\d+:\d+: /, '') }));
  parser.on('opentagstart', ({ name }) => {
    const parent = open.at(-1) ?? null;
    const element: Growing = { name, line: parser.line, attributes: new Map(), parent, children: [], text: '' };
    parent?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('attribute', ({ name, value }) => {
    // told at the end of the value, which may have many lines
    const begin = text.lastIndexOf(` ${name}=`, parser.position);
    open.at(-1)?.attributes.set(name, { value, line: begin < 0 ? parser.line : lineAt(text, begin) });
  });
  parser.on('text', (part) => {
    const element = open.at(-1);
    if (element) element.text += part;
  });
  parser.on('cdata', () => problems.push({ line: parser.line, problem: 'a CDATA section' }));
  parser.on('closetag', () => void open.pop());
  parser.write(text).close();
  return { root: problems.length > 0 ? null : root, problems };
}

/** An element and all in it, in the order of the file. */
export const within = (element: PolicyElement): PolicyElement[] => [element, ...element.children.flatMap(within)];

/** The sections of a file by name. */
export const sectionOf = (root: PolicyElement, name: string): PolicyElement | undefined =>
  root.children.find((child) => child.name === name);

/** The elements of a name in a part of a file. */
export const named = (part: PolicyElement | undefined, name: string): PolicyElement[] =>
  part ? within(part).filter((element) => element.name === name) : [];

/** Whether one of the elements around it passes the test. */
export const isInside = (element: PolicyElement, test: (around: PolicyElement) => boolean): boolean =>
  element.parent !== null && (test(element.parent) || isInside(element.parent, test));

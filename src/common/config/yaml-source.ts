import { isMap, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { ConfigProblem } from './config-error.js';

/**
 * YAML ends a plain scalar inside `{ }` or `[ ]` at these characters, so `{ url: ${REDIS_URL:-} }` would not parse.
 * Within a placeholder they are swapped for Unicode noncharacters (one for one, so columns stay right) until the text
 * is parsed.
 */
const MASKED = new Map([...'{}[],'].map((character, i) => [character, String.fromCharCode(0xfdd0 + i)]));
const ORIGINAL = new Map([...MASKED].map(([character, mask]) => [mask, character]));

const swap = (text: string, table: ReadonlyMap<string, string>): string =>
  [...text].map((character) => table.get(character) ?? character).join('');

const mask = (text: string): string => text.replace(/\$\{[^}\n]*\}/g, (placeholder) => swap(placeholder, MASKED));
const unmask = (text: string): string => text.replace(/[\ufdd0-\ufdd4]/g, (character) => ORIGINAL.get(character) ?? '');

export interface YamlSource {
  readonly document: Document;
  /** Syntax errors and duplicate keys; with any of them the document is not worth reading. */
  readonly problems: readonly ConfigProblem[];
}

/** The names of the sections that a file has, whatever is in them. */
export function sectionsOf(text: string): ReadonlySet<string> {
  const { contents } = parseYamlSource(text).document;
  return new Set(isMap(contents) ? contents.items.map(({ key }) => String(key)) : []);
}

/** Parses YAML 1.2 (core schema) that may hold `${...}` placeholders anywhere a scalar may stand. */
export function parseYamlSource(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(mask(text), { lineCounter: lines, prettyErrors: false });
  visit(document, {
    Scalar: (_, node) => {
      if (isScalar<string>(node) && typeof node.value === 'string') node.value = unmask(node.value);
    },
  });
  const problems = [...document.errors, ...document.warnings].map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { path: `line ${line}, column ${col}`, message: unmask(error.message) };
  });
  return { document, problems };
}

import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type Scalar,
} from 'yaml';
import { formatPath, type ConfigProblem } from './config-error.js';
import { ownField } from '../json/fields.js';

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

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the text of one scalar came from. */
export interface ScalarOrigin {
  /** As it stands in the file, placeholders included. */
  readonly written: string;
  /** The non-empty defaults of its placeholders. */
  readonly defaults: readonly string[];
  readonly hasPlaceholder: boolean;
  /** It was nothing but one unquoted `${...}`, and may thus stand for a number or boolean. */
  readonly mayBeTyped: boolean;
}

export interface Interpolated {
  readonly value: unknown;
  /** By path, as `formatPath` writes it. */
  readonly origins: ReadonlyMap<string, ScalarOrigin>;
  readonly problems: readonly ConfigProblem[];
}

const PLACEHOLDER = /(\$?)\$\{([^}]*)(\}?)/g;
const BODY = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

interface Replaced {
  readonly text: string;
  readonly origin: ScalarOrigin;
  readonly errors: readonly string[];
}

function replacePlaceholders(written: string, quoted: boolean, env: Environment): Replaced {
  const errors: string[] = [];
  const defaults: string[] = [];
  let count = 0;
  const text = written.replace(PLACEHOLDER, (all: string, escape: string, inside: string, end: string) => {
    if (escape) return all.slice(1);
    count += 1;
    const [, name, fallback] = (end && BODY.exec(inside)) || [];
    if (name === undefined) {
      errors.push('not a placeholder: write ${VAR} or ${VAR:-default}, and $${ for the characters ${');
      return '';
    }
    if (fallback) defaults.push(fallback);
    const value = ownField(env, name);
    if (fallback !== undefined) return value || fallback;
    if (value === undefined)
      errors.push(`environment variable ${name} is not set; set it or write \${${name}:-default}`);
    return value ?? '';
  });
  const alone = count === 1 && /^\$\{[^}]*\}$/.test(written);
  const origin = { written, defaults, hasPlaceholder: count > 0, mayBeTyped: alone && !quoted };
  return { text, origin, errors };
}

type Ancestor = Document | Node | Pair;

function pathOf(ancestors: readonly Ancestor[], scalar: Scalar): (string | number)[] {
  return ancestors.flatMap((ancestor, i): (string | number)[] => {
    if (isPair(ancestor)) return [isScalar(ancestor.key) ? String(ancestor.key.value) : '?'];
    return isSeq(ancestor) ? [ancestor.items.indexOf(ancestors[i + 1] ?? scalar)] : [];
  });
}

/**
 * Puts environment variables in the string scalars of a parsed document: `${VAR}`, `${VAR:-default}` (the default also
 * for an empty variable, as in a shell), `$${` for the characters `${`. Works on parsed scalars and not on the file's
 * text, so a value can hold `: `, `#` or line breaks and still is one value. Values are not searched for placeholders.
 */
export function interpolate(document: Document, env: Environment): Interpolated {
  const origins = new Map<string, ScalarOrigin>();
  const problems: ConfigProblem[] = [];
  visit(document, {
    Scalar: (key, node, ancestors) => {
      if (key === 'key' || typeof node.value !== 'string') return;
      const path = formatPath(pathOf(ancestors, node));
      const { text, origin, errors } = replacePlaceholders(node.value, node.type !== 'PLAIN', env);
      node.value = text;
      origins.set(path, origin);
      for (const message of errors) problems.push({ path, message });
    },
  });
  return { value: document.toJS() as unknown, origins, problems };
}

const SECRET_PATH = /^(targets\[\d+\]\.apiKey|cosmos\.key|tables\.connectionString)$/;
const URL_PASSWORD = /^[a-z]+:\/\/[^/]*:([^/]+)@/i;

function readsLiteralSecret(path: string, origin: ScalarOrigin): boolean {
  if (SECRET_PATH.test(path)) {
    return origin.defaults.length > 0 || (origin.written !== '' && !origin.hasPlaceholder);
  }
  if (path !== 'redis.url') return false;
  return [origin.written, ...origin.defaults].some((url) => {
    const password = URL_PASSWORD.exec(url.replace(/^\$\{\w+:-(.*)\}$/, '$1'))?.[1];
    return password !== undefined && !password.includes('${');
  });
}

/** Secrets in a file end up in version control: they come from the environment, and have no default in the file. */
export function secretProblems(origins: ReadonlyMap<string, ScalarOrigin>): ConfigProblem[] {
  return [...origins]
    .filter(([path, origin]) => readsLiteralSecret(path, origin))
    .map(([path]) => ({
      path,
      message: 'a secret must not be in the file; write ${VAR} and set VAR in the environment',
    }));
}

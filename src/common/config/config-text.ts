import {
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

export type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration file that was read. */
export interface ConfigText {
  /** Syntax errors and duplicate keys; with any of them there is no `value`. */
  readonly syntax: readonly ConfigProblem[];
  readonly value: unknown;
  /** First the placeholders that stand for nothing, then the secrets that stand in the file. */
  readonly problems: readonly ConfigProblem[];
  /** Where a text was nothing but one unquoted `${...}`, and may thus stand for a number or boolean; as `formatPath` writes it. */
  readonly untyped: ReadonlySet<string>;
}

/** YAML ends a plain scalar inside `{ }` or `[ ]` at these characters, so `{ url: ${REDIS_URL:-} }` would not parse. */
const FLOW = '{}[],';
/** Within a placeholder Unicode noncharacters stand for them (one for one, so columns stay right) while it is parsed. */
const FIRST_MASK = 0xfdd0;
const mask = (text: string): string =>
  text.replace(/\$\{[^}\n]*\}/g, (placeholder) =>
    placeholder.replace(/[{}[\],]/g, (sign) => String.fromCharCode(FIRST_MASK + FLOW.indexOf(sign))),
  );
const unmask = (text: string): string =>
  text.replace(/[\ufdd0-\ufdd4]/g, (sign) => FLOW.charAt(sign.charCodeAt(0) - FIRST_MASK));

/**
 * Parses YAML 1.2 (core schema) and puts environment variables in its string scalars: `${VAR}`, `${VAR:-default}` (the
 * default also for an empty variable, as in a shell), `$${` for the characters `${`. Works on parsed scalars and not on
 * the file's text, so a value can hold `: `, `#` or line breaks and still is one value. Values are not searched for
 * placeholders.
 */
export function readConfigText(text: string, env: Environment): ConfigText {
  const lines = new LineCounter();
  const document = parseDocument(mask(text), { lineCounter: lines, prettyErrors: false });
  const syntax = [...document.errors, ...document.warnings].map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { path: `line ${line}, column ${col}`, message: unmask(error.message) };
  });
  const unset: ConfigProblem[] = [];
  const secrets: ConfigProblem[] = [];
  const untyped = new Set<string>();
  if (syntax.length > 0) return { syntax, value: undefined, problems: [], untyped };
  visit(document, {
    Scalar: (key, node, ancestors) => {
      if (typeof node.value !== 'string') return;
      const written = (node.value = unmask(node.value));
      if (key === 'key') return;
      const path = formatPath(pathOf(ancestors, node));
      const { text: replaced, literals, errors } = replacePlaceholders(written, env);
      node.value = replaced;
      if (node.type === 'PLAIN' && ALONE.test(written)) untyped.add(path);
      for (const message of errors) unset.push({ path, message });
      if (hasSecret(path, written, literals)) secrets.push({ path, message: SECRET });
    },
  });
  return { syntax, value: document.toJS() as unknown, problems: [...unset, ...secrets], untyped };
}

type Ancestor = Document | Node | Pair;

function pathOf(ancestors: readonly Ancestor[], scalar: Scalar): (string | number)[] {
  return ancestors.flatMap((ancestor, i): (string | number)[] => {
    if (isPair(ancestor)) return [isScalar(ancestor.key) ? String(ancestor.key.value) : '?'];
    return isSeq(ancestor) ? [ancestor.items.indexOf(ancestors[i + 1] ?? scalar)] : [];
  });
}

const PLACEHOLDER = /(\$?)\$\{([^}]*)(\}?)/g;
const ALONE = /^\$\{[^}]*\}$/;
const SECRET = 'a secret must not be in the file; write ${VAR} and set VAR in the environment';
const BODY = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

interface Replaced {
  readonly text: string;
  /** What it may be without the environment: the non-empty defaults of its placeholders, or all of it. */
  readonly literals: readonly string[];
  /** What is wrong with its placeholders. */
  readonly errors: readonly string[];
}

function replacePlaceholders(written: string, env: Environment): Replaced {
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
  return { text, literals: count > 0 ? defaults : [written].filter(Boolean), errors };
}

const SECRET_PATH =
  /^(targets\[\d+\]\.apiKey|cosmos\.key|tables\.connectionString|cache\.secret|limits\.alertSecret|telemetry\.otlpHeaders[.[].*)$/s;
const URL_PASSWORD = /^[a-z]+:\/\/[^/]*:([^/]+)@/i;

/** Secrets in a file end up in version control: they come from the environment, and have no default in the file. */
function hasSecret(path: string, written: string, literals: readonly string[]): boolean {
  if (SECRET_PATH.test(path)) return literals.length > 0;
  if (path !== 'redis.url') return false;
  return [written, ...literals].some((url) => {
    const password = URL_PASSWORD.exec(url.replace(/^\$\{\w+:-(.*)\}$/, '$1'))?.[1];
    return password !== undefined && !password.includes('${');
  });
}

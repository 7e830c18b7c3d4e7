import { z } from 'zod';
import { issueMessage } from '../issue-message.js';
import { ownField, setOwnField, type Fields } from '../json/fields.js';
import { formatPath, type ConfigProblem } from './config-error.js';
import { routerConfigSchema, type RouterConfig } from './config.schema.js';

type Issue = z.core.$ZodIssue;

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  additionalProperties?: JsonSchema;
}

/** The keys that may stand in the object at this path. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: JsonSchema | undefined = z.toJSONSchema(routerConfigSchema, { io: 'input' }) as JsonSchema;
  for (const key of path) {
    // of a map from names (tenants) every value is alike
    schema =
      typeof key === 'number'
        ? schema?.items
        : (ownField(schema?.properties ?? {}, key) ?? schema?.additionalProperties);
  }
  return Object.keys(schema?.properties ?? {});
}

/** Levenshtein distance: the least number of inserted, deleted or replaced characters. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_]/g, '');
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(plain(word), plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  if (!best || best.distance >= best.candidate.length) return undefined;
  return best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined; // 2 = one swap
}

function unknownKey(path: readonly PropertyKey[], key: string): ConfigProblem {
  const known = knownKeys(path);
  const guess = nearest(key, known);
  const cure = guess ? `did you mean "${guess}"?` : `known here: ${known.join(', ')}`;
  return { path: formatPath([...path, key]), message: `unknown key; ${cure}` };
}

/** The branch of a union a person was after: the one that says more than "must be empty". */
function unionMessage(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  const branches = issue.errors.flat();
  const telling = branches.find(({ code }) => code !== 'invalid_value') ?? branches[0];
  return telling ? `${telling.message}, or nothing ("")` : issue.message;
}

/** Whether there was no value at all. Needs zod's `reportInput`. */
const isMissing = (issue: Issue): boolean => issue.code !== 'custom' && issue.input === undefined;

/** What one zod issue means for the person who writes the file. */
function describeIssue(issue: Issue): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key));
  const path = formatPath(issue.path);
  if (issue.code === 'invalid_union') return [{ path, message: unionMessage(issue) }];
  const message = issueMessage(issue.message);
  return [{ path, message: isMissing(issue) && !message.startsWith('missing') ? `missing; ${message}` : message }];
}

// YAML 1.2 core schema, section 10.3.2, without octal and hexadecimal.
const NUMBER = /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/;
const BOOLEAN = /^(true|True|TRUE|false|False|FALSE)$/;

/** The number or boolean an unquoted `${VAR}` stands for; `undefined` where the schema wants neither. */
function typedScalar(issue: Issue): unknown {
  if (issue.code !== 'invalid_type' || typeof issue.input !== 'string') return undefined;
  if (issue.expected === 'boolean' && BOOLEAN.test(issue.input)) return issue.input.toLowerCase() === 'true';
  const wantsNumber = issue.expected === 'int' || issue.expected === 'number';
  return wantsNumber && NUMBER.test(issue.input) ? Number(issue.input) : undefined;
}

/** Puts a value at a path whose containers are all there. */
function putAt(root: unknown, path: readonly PropertyKey[], value: unknown): void {
  const container = path.slice(0, -1).reduce<unknown>((node, key) => ownField(node as Fields, key), root);
  setOwnField(container as Fields, path.at(-1)!, value);
}

export interface SchemaResult {
  /** `null` when the input does not fit; there may be no problem then but those at `knownPaths`. */
  readonly config: RouterConfig | null;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Checks interpolated input against the schema and says what is wrong in the words of the person who wrote it, of each
 * value what comes first.
 *
 * @param input its text becomes a number or boolean where an unquoted `${VAR}` stood (`untyped`) and one is wanted; it
 *   stays text where text is wanted (an all-digit API key is text)
 * @param knownPaths paths that were already reported
 */
export function checkSchema(
  input: unknown,
  untyped: ReadonlySet<string>,
  knownPaths: ReadonlySet<string>,
): SchemaResult {
  let result = routerConfigSchema.safeParse(input, { reportInput: true });
  const scalars = (result.error?.issues ?? []).filter(
    (issue) => typedScalar(issue) !== undefined && untyped.has(formatPath(issue.path)),
  );
  for (const issue of scalars) putAt(input, issue.path, typedScalar(issue));
  if (scalars.length > 0) result = routerConfigSchema.safeParse(input, { reportInput: true });
  if (result.success) return { config: result.data, problems: [] };
  const told = new Set(knownPaths);
  const news = result.error.issues.filter(({ code, path }) => {
    if (code === 'unrecognized_keys') return true;
    const isNew = !told.has(formatPath(path));
    told.add(formatPath(path));
    return isNew;
  });
  return { config: null, problems: news.flatMap(describeIssue) };
}

import { formatPath, type ConfigProblem } from './config-error.js';
import { routerConfigSchema, type RouterConfig } from './config.schema.js';
import type { ScalarOrigin } from './interpolate.js';
import { describeIssue, type Issue } from './schema-issues.js';
import { ownField, setOwnField } from '../json/fields.js';

/** zod stops before cross-references as soon as a shape is wrong; each pass mends the shapes and looks further. */
const MAX_PASSES = 6;

type Container = Record<PropertyKey, unknown>;

function containerOf(root: unknown, path: readonly PropertyKey[]): Container | undefined {
  let node = root;
  for (const key of path.slice(0, -1)) node = node ? ownField(node as Container, key) : undefined;
  return typeof node === 'object' && node !== null ? (node as Container) : undefined;
}

// YAML 1.2 core schema, section 10.3.2, without octal and hexadecimal.
const NUMBER = /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/;
const BOOLEAN = /^(true|True|TRUE|false|False|FALSE)$/;

/** The number or boolean an unquoted `${VAR}` stands for; `undefined` where the schema wants neither. */
function typedScalar(text: unknown, issue: Issue): unknown {
  if (issue.code !== 'invalid_type' || typeof text !== 'string') return undefined;
  if (issue.expected === 'boolean' && BOOLEAN.test(text)) return text.toLowerCase() === 'true';
  const wantsNumber = issue.expected === 'int' || issue.expected === 'number';
  return wantsNumber && NUMBER.test(text) ? Number(text) : undefined;
}

/** A stand-in for a bad value, good enough for the rest of the file to be checked; `undefined` = leave it out. */
function standIn(issue: Issue, container: Container, serial: number): unknown {
  if (issue.code === 'invalid_value') return issue.values[0];
  const key = issue.path.at(-1) ?? '';
  if (!Array.isArray(container) && Object.hasOwn(container, key)) return undefined;
  if (issue.code !== 'invalid_type') return Array.isArray(container) ? `stand-in.${serial}` : undefined;
  const byType: Record<string, unknown> = { number: 1, int: 1, boolean: false, array: [], object: {}, record: {} };
  return ownField(byType, issue.expected) ?? `stand-in.${serial}`;
}

export interface SchemaResult {
  /** Only to be used when there are no problems. */
  readonly config: RouterConfig | null;
  /** The input with stand-ins for what is wrong, for rules that look at other parts. */
  readonly mended: unknown;
  readonly problems: readonly ConfigProblem[];
}

class SchemaCheck {
  private readonly problems = new Map<string, ConfigProblem>();
  /** Paths whose value is a stand-in: nothing found there later is the file's fault. */
  private readonly mended: Set<string>;
  private changed = false;

  constructor(
    private readonly value: unknown,
    private readonly origins: ReadonlyMap<string, ScalarOrigin>,
    badPaths: Iterable<string>,
  ) {
    this.mended = new Set(badPaths);
  }

  run(): SchemaResult {
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      const result = routerConfigSchema.safeParse(this.value, { reportInput: true });
      if (result.success) return this.outcome(result.data);
      this.changed = false;
      for (const issue of result.error.issues) this.take(issue);
      if (!this.changed) break;
    }
    return this.outcome(null);
  }

  private outcome(config: RouterConfig | null): SchemaResult {
    return { config, mended: this.value, problems: [...this.problems.values()] };
  }

  private take(issue: Issue): void {
    const path = formatPath(issue.path);
    const container = containerOf(this.value, issue.path);
    const key = issue.path.at(-1);
    if (container && key !== undefined && this.origins.get(path)?.mayBeTyped) {
      const typed = typedScalar(ownField(container, key), issue);
      if (typed !== undefined) return this.put(container, key, typed);
    }
    if (!this.isDoubtful(issue, path)) this.report(issue);
    if (issue.code === 'custom') return;
    if (issue.code === 'unrecognized_keys') return this.drop(issue.path, issue.keys);
    if (!container || key === undefined || this.mended.has(path)) return;
    this.mended.add(path);
    this.put(container, key, standIn(issue, container, this.mended.size));
  }

  /** Whether a stand-in of ours may be the cause. */
  private isDoubtful(issue: Issue, path: string): boolean {
    const mended = [...this.mended];
    if (issue.code !== 'unrecognized_keys' && mended.some((it) => path === it)) return true;
    if (issue.code !== 'custom') return false;
    if (path.startsWith('models') && mended.some((it) => /^targets(\[\d+\](\.id)?)?$/.test(it))) return true;
    const entry = /^\w+\[\d+\]/.exec(path)?.[0];
    return entry !== undefined && mended.some((it) => it.startsWith(`${entry}.targets`) || it === `${entry}.provider`);
  }

  private report(issue: Issue): void {
    for (const problem of describeIssue(issue)) this.problems.set(`${problem.path} ${problem.message}`, problem);
  }

  private put(container: Container, key: PropertyKey, value: unknown): void {
    if (value === undefined) Reflect.deleteProperty(container, key);
    else setOwnField(container, key, value);
    this.changed = true;
  }

  private drop(path: readonly PropertyKey[], keys: readonly string[]): void {
    const container = containerOf(this.value, [...path, '']);
    for (const key of keys) if (container) this.put(container, key, undefined);
  }
}

/**
 * Checks interpolated input against the schema and finds every problem, not only those of zod's first look.
 *
 * @param origins where the scalars came from: an unquoted `${VAR}` becomes a number or boolean where one is wanted, and
 *   stays text where text is wanted (an all-digit API key is text)
 * @param badPaths paths that were already reported
 */
export function checkSchema(
  input: unknown,
  origins: ReadonlyMap<string, ScalarOrigin>,
  badPaths: Iterable<string>,
): SchemaResult {
  return new SchemaCheck(structuredClone(input), origins, badPaths).run();
}

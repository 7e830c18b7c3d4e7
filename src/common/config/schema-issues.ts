import { z } from 'zod';
import { routerConfigSchema } from './config.schema.js';
import { formatPath, type ConfigProblem } from './config-error.js';
import { issueMessage } from '../issue-message.js';
import { ownField } from '../json/fields.js';

export type Issue = z.core.$ZodIssue;

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
}

/** The keys that may stand in the object at this path. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: JsonSchema | undefined = z.toJSONSchema(routerConfigSchema, { io: 'input' }) as JsonSchema;
  for (const key of path) schema = typeof key === 'number' ? schema?.items : ownField(schema?.properties ?? {}, key);
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
export function describeIssue(issue: Issue): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key));
  const path = formatPath(issue.path);
  if (issue.code === 'invalid_union') return [{ path, message: unionMessage(issue) }];
  const message = issueMessage(issue.message);
  return [{ path, message: isMissing(issue) && !message.startsWith('missing') ? `missing; ${message}` : message }];
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../command.js';

export const GATE_QUERY = join('infra', 'gate', 'samples.kql');

/** Names of Container Apps: the app's, two hyphens, the suffix; small letters, digits, single hyphens. */
const REVISION = /^[a-z](?:-?[a-z0-9])*--[a-z0-9](?:-?[a-z0-9])*$/;
const MOST_CHARACTERS = 100;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/;
const MS_PER_MINUTE = 60_000;

/** What is compared, from when on. */
export interface Compared {
  readonly old: string;
  readonly new: string;
  /** The first whole minute in which the new revision had its weight, milliseconds since 1970. */
  readonly since: number;
}

function revision(option: string, value: string | undefined): string {
  if (value !== undefined && value.length <= MOST_CHARACTERS && REVISION.test(value)) return value;
  throw new UsageError(`--${option} takes the name of a revision such as router--abc123, not "${value ?? ''}"`);
}

/** @throws UsageError that names the option that is missing or wrong */
export function readCompared(values: {
  readonly old?: string | undefined;
  readonly new?: string | undefined;
  readonly since?: string | undefined;
}): Compared {
  const [old, fresh] = [revision('old', values.old), revision('new', values.new)];
  if (old === fresh) throw new UsageError(`--old and --new are the same revision (${old}); name the two to compare`);
  const { since = '' } = values;
  const instant = INSTANT.test(since) ? Date.parse(since) : NaN;
  if (Number.isNaN(instant))
    throw new UsageError(`--since takes a time with its zone such as 2026-11-27T10:00:00Z, not "${since}"`);
  return { old, new: fresh, since: Math.ceil(instant / MS_PER_MINUTE) * MS_PER_MINUTE };
}

/**
 * The query on one line without comments: `az` on Windows ends a query at its first line break.
 *
 * @param text of GATE_QUERY
 */
export function queryFor({ old, new: fresh, since }: Compared, text = readFileSync(GATE_QUERY, 'utf8')): string {
  const values: Readonly<Record<string, string>> = {
    old_revision: `"${old}"`,
    new_revision: `"${fresh}"`,
    since: `datetime(${new Date(since).toISOString()})`,
  };
  let filled = text;
  for (const [name, value] of Object.entries(values)) {
    const line = new RegExp(`^let ${name} = .+;$`, 'm');
    if (!line.test(filled)) throw new Error(`${GATE_QUERY} has no line "let ${name} = ...;"`);
    filled = filled.replace(line, `let ${name} = ${value};`);
  }
  const lines = filled.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('//')).join(' ');
}

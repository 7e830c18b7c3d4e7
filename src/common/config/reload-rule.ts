import { isDeepStrictEqual } from 'node:util';
import type { ConfigProblem } from './config-error.js';
import type { RouterConfig } from './config.schema.js';
import { listenProblem, needsCredential } from './listen-rule.js';

/** Sections that keep callers from something. Left out of a file they mean "no restriction". */
const GUARDS = ['tenants', 'privacy'] as const satisfies (keyof RouterConfig)[];

/**
 * What a reload may not do, because a file that was cut short, emptied or half written looks just the same: take away
 * the last credential or the last target, or leave out a section that restricts callers. Whoever means it restarts, or
 * writes the empty section.
 *
 * @param next what would be in force
 * @param sections names of the sections the new file has
 * @param running what is in force, with the targets that were configured and not those that were found
 */
export function reloadProblems(
  next: RouterConfig,
  sections: ReadonlySet<string>,
  running: RouterConfig,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (needsCredential(running) && !needsCredential(next)) {
    problems.push({
      path: 'auth.keys',
      message: 'the last credential would be gone and everybody let in; a restart is needed for that',
    });
  }
  if (running.targets.length > 0 && next.targets.length === 0) {
    problems.push({ path: 'targets', message: 'the last target would be gone; a restart is needed for that' });
  }
  for (const section of GUARDS) {
    if (sections.has(section) || isDeepStrictEqual(next[section], running[section])) continue;
    const message = `the section is missing and its restrictions would end; write "${section}: {}" or restart to mean it`;
    problems.push({ path: section, message });
  }
  const unguarded = listenProblem(next);
  return unguarded ? [...problems, unguarded] : problems;
}

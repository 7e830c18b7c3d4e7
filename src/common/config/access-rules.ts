import { isDeepStrictEqual } from 'node:util';
import { isFields } from '../json/fields.js';
import { isLoopbackHost } from '../loopback.js';
import type { ConfigProblem } from './config-error.js';
import type { RouterConfig } from './config.schema.js';
import { takesTokens } from './jwt.schema.js';

/** Whether callers have to show who they are. */
export const needsCredential = ({ auth }: Pick<RouterConfig, 'auth'>): boolean =>
  auth.keys.length > 0 || takesTokens(auth.jwt);

interface Doors extends Pick<RouterConfig, 'auth'> {
  readonly server: Pick<RouterConfig['server'], 'host'>;
}

/** Without any credential configured every caller is trusted, which is only safe on loopback. */
export function listenProblem({ server, auth }: Doors): ConfigProblem | null {
  if (isLoopbackHost(server.host) || needsCredential({ auth })) return null;
  return {
    path: 'server.host',
    message:
      `"${server.host}" can be reached from other machines and nobody would have to sign in: ` +
      'add auth.keys or auth.jwt, or listen on 127.0.0.1',
  };
}

/** Sections that keep callers from something. Left out of a file they mean "no restriction". */
const GUARDS = ['tenants', 'privacy'] as const satisfies (keyof RouterConfig)[];

/**
 * What a reload may not do, because a file that was cut short, emptied or half written looks just the same: take away
 * the last credential or the last target, open the tokens of an issuer to all its tenants, or leave out a section that
 * restricts callers. Whoever means it restarts, or writes the empty section.
 *
 * @param next what would be in force
 * @param file what the new file says, for the sections that it has
 * @param running what is in force, with the targets that were configured and not those that were found
 */
export function reloadProblems(next: RouterConfig, file: unknown, running: RouterConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (needsCredential(running) && !needsCredential(next)) {
    problems.push({
      path: 'auth.keys',
      message: 'the last credential would be gone and everybody let in; a restart is needed for that',
    });
  }
  if (running.auth.jwt.tenants.length > 0 && takesTokens(next.auth.jwt) && next.auth.jwt.tenants.length === 0) {
    problems.push({
      path: 'auth.jwt.tenants',
      message: 'the list would be gone and every tenant of the issuer let in; a restart is needed for that',
    });
  }
  if (running.targets.length > 0 && next.targets.length === 0) {
    problems.push({ path: 'targets', message: 'the last target would be gone; a restart is needed for that' });
  }
  for (const section of GUARDS) {
    if ((isFields(file) && section in file) || isDeepStrictEqual(next[section], running[section])) continue;
    const message = `the section is missing and its restrictions would end; write "${section}: {}" or restart to mean it`;
    problems.push({ path: section, message });
  }
  const unguarded = listenProblem(next);
  return unguarded ? [...problems, unguarded] : problems;
}

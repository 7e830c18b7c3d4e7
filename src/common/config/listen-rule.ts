import type { ConfigProblem } from './config-error.js';
import { isLoopbackHost } from '../loopback.js';
import type { RouterConfig } from './config.schema.js';

/** Whether callers have to show who they are. */
export const needsCredential = ({ auth }: Pick<RouterConfig, 'auth'>): boolean =>
  auth.keys.length > 0 || auth.jwt.issuer !== '';

/** Without any credential configured every caller is trusted, which is only safe on loopback. */
export function listenProblem({ server, auth }: Pick<RouterConfig, 'server' | 'auth'>): ConfigProblem | null {
  if (isLoopbackHost(server.host) || needsCredential({ auth })) return null;
  return {
    path: 'server.host',
    message:
      `"${server.host}" can be reached from other machines and nobody would have to sign in: ` +
      'add auth.keys, or listen on 127.0.0.1',
  };
}

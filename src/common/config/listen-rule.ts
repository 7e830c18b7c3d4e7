import { BlockList, isIP } from 'node:net';
import type { ConfigProblem } from './config-error.js';
import type { RouterConfig } from './config.schema.js';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4'); // RFC 1122 section 3.2.1.3
loopback.addAddress('::1', 'ipv6');

/** Whether only programs of the same machine can reach this listening address. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** Without any credential configured every caller is trusted, which is only safe on loopback. */
export function listenProblem({ server, auth }: Pick<RouterConfig, 'server' | 'auth'>): ConfigProblem | null {
  if (isLoopback(server.host) || auth.keys.length > 0 || auth.jwt.issuer) return null;
  return {
    path: 'server.host',
    message:
      `"${server.host}" can be reached from other machines and nobody would have to sign in: ` +
      'add auth.keys or auth.jwt, or listen on 127.0.0.1',
  };
}

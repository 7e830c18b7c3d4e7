import type { Cluster, Redis } from 'ioredis';
import { BackgroundWork } from '../../background-work.js';
import type { RedisLogin } from './entra-redis-login.js';

/** How the server says that a user or a password is not good (any more). */
const REFUSED = /\b(WRONGPASS|NOAUTH)\b/;

const background = new BackgroundWork('stores');

export const isRefusedSignIn = ({ message }: Error): boolean => REFUSED.test(message);

/** Where ioredis reads a login when it connects; every node of a cluster has a copy, and so have its look-outs. */
export interface LoginPlace {
  username?: string | undefined;
  password?: string | undefined;
}

export function putLogin(place: LoginPlace, { username, password }: LoginPlace): void {
  place.username = username;
  place.password = password;
}

/**
 * Signs in again on every connection, between the commands that are under way; what connects later uses the login too.
 * A login that the server refuses is taken back: the one before may be good for a while.
 *
 * @throws Error when a connection did not take it
 */
export async function signInAgain(client: Redis | Cluster, login: RedisLogin): Promise<void> {
  const nodes = 'nodes' in client ? client.nodes('all') : [client];
  const places: LoginPlace[] = nodes.map(({ options }) => options);
  if ('nodes' in client) places.push((client.options.redisOptions ??= {}));
  const before = places.map(({ username, password }) => ({ username, password }));
  for (const place of places) putLogin(place, login);
  const outcomes = await Promise.allSettled(nodes.map(signIn));
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
  if (errors.some(isRefusedSignIn)) places.forEach((place, i) => putLogin(place, before[i]!));
  if (errors[0]) throw errors[0];
}

/** A connection that is just being made signs in with what it has read, and again when it is ready. */
async function signIn(node: Redis): Promise<void> {
  const { username, password } = node.options;
  if (node.status === 'ready') await node.auth(username ?? '', password ?? '');
  if (node.status === 'connecting' || node.status === 'connect') {
    // The server ends the connection of one that it does not accept.
    const again = () => signIn(node).catch(() => undefined);
    node.once('ready', () => background.launch('signing in again', again));
  }
}

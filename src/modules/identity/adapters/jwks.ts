import type { JSONWebKeySet, JWK } from 'jose';
import { Agent, request } from 'undici';
import { isFields, type Fields } from '../../../common/json/fields.js';
import { readableJson } from '../../../common/json/readable.js';

/** Sets of keys have some kB; that of all Entra 20. */
const MOST_BYTES = 524_288;
const MOST_KEYS = 500;
const CONNECT_MS = 2_000;
const FETCH_MS = 3_000;

/** Kinds of keys that `ALGORITHMS` are checked with (RFC 7518 section 6.1, RFC 8037). */
const KINDS: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP']);

/**
 * Fetches a set of public keys. Neither redirects nor proxies are followed: who answers decides who may sign in.
 *
 * @throws Error, in our own words, when there is no answer within 3 s, or none with keys
 */
export async function fetchJwks(uri: string, signal: AbortSignal): Promise<JSONWebKeySet> {
  const agent = new Agent({ connections: 1, maxResponseSize: MOST_BYTES, connect: { timeout: CONNECT_MS } });
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]);
  try {
    const headers = { accept: 'application/json, application/jwk-set+json', 'accept-encoding': 'identity' };
    const { statusCode, body } = await request(uri, { dispatcher: agent, signal: inTime, headers });
    if (statusCode !== 200) {
      body.on('error', () => undefined).destroy();
      throw new Error(`it answered with HTTP ${statusCode}`);
    }
    return { keys: keysIn(await body.text()) };
  } catch (error) {
    throw inTime.aborted && !signal.aborted ? new Error(`no answer within ${FETCH_MS} ms`, { cause: error }) : error;
  } finally {
    await agent.destroy();
  }
}

/** The public keys of a set (RFC 7517 section 5) that signatures are checked with, each once. @throws Error without any */
export function keysIn(text: string): JWK[] {
  const set = readableJson(text);
  const list = isFields(set) && Array.isArray(set['keys']) ? (set['keys'] as unknown[]) : null;
  if (!list) throw new Error('it answered with something else than a set of keys');
  const some = list.slice(0, MOST_KEYS).filter((key): key is Fields & JWK => isFields(key) && checksSignatures(key));
  const keys = [...new Map(some.map((key) => [whatItIs(key), key])).values()];
  if (keys.length === 0) throw new Error('its set has no key that signatures are checked with');
  return keys;
}

const checksSignatures = ({ kty, use, d }: Fields): boolean =>
  KINDS.has(kty) && (use === undefined || use === 'sig') && d === undefined;

/** Sets list a key twice at times, the second time with a certificate (`x5c`, `x5t`). */
const whatItIs = ({ kid, alg, issuer, kty, crv, n, e, x, y }: Fields): string =>
  JSON.stringify([kid, alg, issuer, kty, crv, n, e, x, y]);

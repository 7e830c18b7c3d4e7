import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { PRIVATE_KINDS } from '../config/config.schema.js';
import { isSecretAt } from '../privacy/private-secrets.js';
import { findPrivateKinds } from '../privacy/private-text.js';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Of random letters and digits, as ids are: then only the shape of a key tells one. */
const RANDOM_ID = /^[A-Za-z0-9]{32,64}$/;

/**
 * The id of a request: the caller's own `x-request-id`, so that it can be followed through several systems, else a new
 * one. It goes into logs, spans and stored turns, so one that holds the address, key or number of somebody is not taken;
 * the response tells which id counts.
 */
export function requestIdOf({ headers }: { readonly headers: IncomingHttpHeaders }): string {
  const sent = headers['x-request-id'];
  if (typeof sent !== 'string' || !REQUEST_ID.test(sent)) return randomUUID();
  const kinds = findPrivateKinds(sent, PRIVATE_KINDS);
  const isRandom = kinds.every((kind) => kind === 'apiKey') && RANDOM_ID.test(sent) && !isSecretAt(sent, 0);
  return kinds.length === 0 || isRandom ? sent : randomUUID();
}

import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { PRIVATE_KINDS } from '../config/config.schema.js';
import { findPrivateKinds } from '../privacy/private-text.js';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * The id of a request: the caller's own `x-request-id`, so that it can be followed through several systems, else a new
 * one. It goes into logs, spans and stored turns, so one that holds the address, key or number of somebody is not taken;
 * the response tells which id counts.
 */
export function requestIdOf({ headers }: { readonly headers: IncomingHttpHeaders }): string {
  const sent = headers['x-request-id'];
  if (typeof sent !== 'string' || !REQUEST_ID.test(sent)) return randomUUID();
  return findPrivateKinds(sent, PRIVATE_KINDS).length === 0 ? sent : randomUUID();
}

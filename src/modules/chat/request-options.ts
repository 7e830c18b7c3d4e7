import type { IncomingHttpHeaders } from 'node:http';
import { InvalidRequest } from '../../common/app-error.js';
import { sessionIdSchema } from '../../common/session-id.js';

/** What the request headers say about a chat request. */
export interface RequestOptions {
  readonly sessionId: string | null;
  readonly strategy: string | null;
  readonly cacheControl: string | undefined;
  /** W3C Trace Context, as it came. */
  readonly traceparent: string | null;
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** @throws InvalidRequest that names the header */
export function requestOptions(headers: IncomingHttpHeaders): RequestOptions {
  const sessionId = single(headers['x-session-id']);
  if (sessionId !== undefined) {
    const checked = sessionIdSchema.safeParse(sessionId);
    if (!checked.success) throw new InvalidRequest(`x-session-id: ${checked.error.issues[0]?.message}`, 'x-session-id');
  }
  return {
    sessionId: sessionId ?? null,
    strategy: single(headers['x-router-strategy']) || null,
    cacheControl: headers['cache-control'],
    traceparent: single(headers['traceparent']) ?? null,
  };
}

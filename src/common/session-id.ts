import { z } from 'zod';

/**
 * 1 to 128 characters that are safe in a URL path, a header, a log line and every store's key; not `.` or `..`, which
 * every client takes out of a path (RFC 3986 section 5.2.4).
 */
const SESSION_ID_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9._:-]{1,128}$/;

/** A session's name, chosen by the caller: in `x-session-id`, in `session_id` and in `/v1/sessions/{id}`. */
export const sessionIdSchema = z
  .string()
  .regex(SESSION_ID_PATTERN, 'use 1 to 128 of the characters A-Z a-z 0-9 . _ : - (not "." or ".." alone)')
  .describe('Session id: 1 to 128 of the characters A-Z a-z 0-9 . _ : -');

/**
 * Whose conversation. Sessions belong to the tenant, not to one user of it; every store call carries both fields, so
 * that the same id under another tenant is another session.
 */
export interface SessionKey {
  readonly tenant: string;
  readonly sessionId: string;
}

/** For maps in this process. NUL cannot be part of a session id, so no two sessions share a name. */
export const sessionName = ({ tenant, sessionId }: SessionKey): string => `${tenant}\0${sessionId}`;

/** The session that the examples of the API documentation talk in; it exists once the chat example has run. */
export const EXAMPLE_SESSION_ID = 'trip-to-oslo';

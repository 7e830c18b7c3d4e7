import type { SessionKey } from '../stored-turn.js';

/** Escaped, so that neither `:` nor braces of a tenant's name can make two sessions share a key. */
const escaped = (part: string): string => encodeURIComponent(part.toWellFormed());

/** `{tenant:session}`: the hash tag that keeps all keys of a session on one node of a cluster. */
export const sessionTag = ({ tenant, sessionId }: SessionKey): string => `{${escaped(tenant)}:${escaped(sessionId)}}`;

/** NUL cannot be part of a session id, so no two sessions share a name. */
export const sessionName = (tenant: string, sessionId: string): string => `${tenant}\0${sessionId}`;

import { cutText } from '../cut-text.js';
import { ownWords, stackFrames } from './outside-text.js';
import { redact } from './redact.js';

const MAX_CAUSES = 3;
const MAX_TEXT_CHARS = 8192;

/** An error as fields of a log line. */
export interface LoggedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/** Free text for the log: at most 8192 characters, personal data and credentials redacted. */
export function loggedText(text: string): string {
  return redact(text.length > MAX_TEXT_CHARS ? `${cutText(text, MAX_TEXT_CHARS)}...` : text);
}

/**
 * Only name, code, message in our own words, causes and, if asked, the stack: other properties may hold requests with
 * their headers.
 */
export function loggedError(error: Error, withStack: boolean, depth = 0): LoggedError {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  const message = ownWords(error);
  const frames = withStack ? stackFrames(error) : undefined;
  return {
    name: error.name,
    message: loggedText(message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(frames ? { stack: loggedText(`${error.name}: ${message}\n${frames}`) } : {}),
    ...(cause instanceof Error && depth < MAX_CAUSES ? { cause: loggedError(cause, withStack, depth + 1) } : {}),
  };
}

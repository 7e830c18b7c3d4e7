import { AppError } from '../app-error.js';
import { CallerGone } from './caller-signal.js';
import { CLIENT_CLOSED_REQUEST } from './request-ends.js';

/** How a request that came to nothing ended, seen from its caller. */
export interface FailedEnd {
  readonly outcome: 'failed' | 'cut' | 'aborted';
  /** HTTP status. */
  readonly status: number;
  /** `code` of the error, if one went out. */
  readonly errorCode: string | null;
}

/** @param isStreaming whether a stream may have begun to go out */
export function endOfFailure(error: unknown, isStreaming: boolean): FailedEnd {
  if (error instanceof CallerGone) return { outcome: 'aborted', status: CLIENT_CLOSED_REQUEST, errorCode: null };
  const { code, status } = error instanceof AppError ? error : { code: 'internal_error', status: 500 };
  return isStreaming
    ? { outcome: 'cut', status: 200, errorCode: code }
    : { outcome: 'failed', status, errorCode: code };
}

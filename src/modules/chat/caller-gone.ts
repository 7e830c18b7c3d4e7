import type { ServerResponse } from 'node:http';

/** The caller closed the connection before the answer was complete. */
export class CallerGone extends Error {
  constructor() {
    super('the caller went away');
  }
}

/** Aborts as soon as the connection closes before the response is complete; everything downstream hangs on it. */
export function callerGoneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new CallerGone());
  });
  return controller.signal;
}

import { UpstreamFailure } from '../../../common/upstream-failure.js';

/**
 * The time limit of the phase a call is in, and the caller's own abort, as one signal for the transport. Only one
 * phase runs at a time; arming the next one ends the last.
 */
export class CallTimer {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private readonly onCallerAbort = (): void => this.controller.abort(this.caller.reason);

  constructor(private readonly caller: AbortSignal) {
    if (caller.aborted) this.onCallerAbort();
    else caller.addEventListener('abort', this.onCallerAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Ends the call with a timeout failure unless the phase is over within `ms` milliseconds. */
  arm(ms: number, phase: string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.controller.abort(new UpstreamFailure('timeout', `${phase}: nothing within ${Math.round(ms)} ms`));
    }, ms);
  }

  /** Between phases nobody waits for the server, so no limit runs (a slow reader is not the server's fault). */
  pause(): void {
    clearTimeout(this.timer);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.caller.removeEventListener('abort', this.onCallerAbort);
  }
}

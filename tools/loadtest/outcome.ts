/** Token counts as the answer told them. */
export interface Tokens {
  readonly prompt: number;
  readonly completion: number;
}

/** How one request went, as its caller saw it. Every request that was begun has exactly one. */
export interface Outcome {
  /**
   * The HTTP status; `cut` = a stream of status 200 that ended without `[DONE]`; `aborted` = given up by this side, at
   * `--timeout-seconds` or Ctrl-C; `network` = no complete HTTP answer.
   */
  readonly status: number | 'cut' | 'aborted' | 'network';
  /** `null` = a complete answer; else `code` of the error body, `http_<status>` or what the network said. */
  readonly error: string | null;
  /** `x-router-target`, `x-router-cache`; `none` where the answer had none. */
  readonly target: string;
  readonly cache: string;
  readonly fallback: boolean;
  /** `x-router-attempts`. */
  readonly attempts: number;
  /** `null` where the answer told none. */
  readonly tokens: Tokens | null;
  /** `x-router-cost-usd`, which streams do not have. */
  readonly costUsd: number | null;
  /** Milliseconds from when it was sent; streamed answers only. */
  readonly firstTokenMs: number | null;
  /** Largest pause between two reads of a stream with frames in them, from its first token on. */
  readonly gapMs: number | null;
  /** Milliseconds, from when it was sent. */
  readonly ms: number;
}

/** The end of the run, not the service, ended it: no failure. */
export const INTERRUPTED = 'interrupted';

const MS_PER_SECOND = 1000;
const SECONDS_PER_MINUTE = 60;

/** State of one limit after a reservation (or its refusal). */
export interface LimitState {
  readonly limit: number;
  readonly used: number;
  /** Milliseconds until nothing is used any more. */
  readonly emptyInMs: number;
}

/** `6s`, `1m0s`: how OpenAI writes a time span, rounded up to whole seconds. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / MS_PER_SECOND));
  const rest = `${seconds % SECONDS_PER_MINUTE}s`;
  return seconds < SECONDS_PER_MINUTE ? rest : `${Math.floor(seconds / SECONDS_PER_MINUTE)}m${rest}`;
}

/**
 * `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` as OpenAI documents them; a limit that does not exist has no
 * header. `reset` is when the limit is back in its initial state.
 *
 * @see https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
 */
export function rateLimitHeaders(requests: LimitState | null, tokens: LimitState | null): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [what, state] of [['requests', requests] as const, ['tokens', tokens] as const]) {
    if (!state) continue;
    headers[`x-ratelimit-limit-${what}`] = String(state.limit);
    headers[`x-ratelimit-remaining-${what}`] = String(Math.max(0, state.limit - state.used));
    headers[`x-ratelimit-reset-${what}`] = duration(state.emptyInMs);
  }
  return headers;
}

/** Nobody is asked to come back in a week; what says more is cut to this. */
const MAX_MS = 24 * 60 * 60 * 1000;
const NUMBER = /^\d{1,15}(\.\d{1,15})?$/;
/** IMF-fixdate and its two older forms (RFC 9110 section 5.6.7); `Date.parse` alone finds a date in "soon 5". */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w -]{4,12} ?\d{2}:\d{2}:\d{2} (GMT|\d{4})$/;
/** So much of the wait is added at random, seconds, that callers do not come back together: at least 2, at most 5. */
const SPREAD = 0.2;
const LEAST_SPREAD_SECONDS = 2;
const MOST_SPREAD_SECONDS = 5;

/**
 * `Retry-After` for a wait: never shorter, and a little longer for some.
 *
 * @param waitMs milliseconds until a call can succeed
 * @param random 0 to 1
 */
export function retryAfterSeconds(waitMs: number, random: number): number {
  const seconds = waitMs / 1000;
  return seconds + random * Math.min(MOST_SPREAD_SECONDS, Math.max(LEAST_SPREAD_SECONDS, seconds * SPREAD));
}

/**
 * How long a server asks to be left alone, milliseconds: seconds or an HTTP date (RFC 9110 section 10.2.3);
 * `retry-after-ms` is Azure's and OpenAI's. Whatever is neither is not waited for.
 */
export function retryAfterMs(headers: Readonly<Record<string, unknown>>, now: number = Date.now()): number | undefined {
  const exact = numberIn(headers['retry-after-ms']);
  if (exact !== undefined) return capped(exact);
  const seconds = numberIn(headers['retry-after']);
  if (seconds !== undefined) return capped(seconds * 1000);
  const date = first(headers['retry-after']);
  if (!HTTP_DATE.test(date)) return undefined;
  const at = Date.parse(date.endsWith('GMT') ? date : `${date} GMT`);
  return Number.isNaN(at) ? undefined : capped(Math.max(0, at - now));
}

/** @param ms not negative */
export const capped = (ms: number): number => Math.min(ms, MAX_MS);

function numberIn(header: unknown): number | undefined {
  const text = first(header);
  return NUMBER.test(text) ? Number(text) : undefined;
}

/** A header that came twice is a list. */
function first(header: unknown): string {
  const value: unknown = Array.isArray(header) ? header[0] : header;
  return typeof value === 'string' ? value.trim() : '';
}

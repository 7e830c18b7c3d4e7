let latest = NaN;
let text = '';

/** The present moment as ISO 8601 in UTC with milliseconds; written once a millisecond, however many ask. */
export function isoNow(): string {
  const now = Date.now();
  if (now !== latest) {
    latest = now;
    text = new Date(now).toISOString();
  }
  return text;
}

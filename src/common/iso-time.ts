const MS_PER_SECOND = 1000;

let second = NaN;
let untilSecond = '';

/** The present moment as ISO 8601 in UTC with milliseconds; all but those are written once a second. */
export function isoNow(): string {
  const now = Date.now();
  const ms = now % MS_PER_SECOND;
  if (now - ms !== second) {
    second = now - ms;
    untilSecond = new Date(second).toISOString().slice(0, -'000Z'.length);
  }
  return `${untilSecond}${String(ms).padStart(3, '0')}Z`;
}

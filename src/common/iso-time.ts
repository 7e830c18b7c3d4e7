const MS_PER_SECOND = 1000;

let second = NaN;
let untilSecond = '';

/** The present moment, see `isoTime`. */
export const isoNow = (): string => isoTime(Date.now());

/**
 * A moment as ISO 8601 in UTC with milliseconds; for moments near each other all but those are written once a second.
 *
 * @param at whole milliseconds since 1970
 */
export function isoTime(at: number): string {
  const ms = at % MS_PER_SECOND;
  if (at - ms !== second) {
    second = at - ms;
    untilSecond = new Date(second).toISOString().slice(0, -'000Z'.length);
  }
  return `${untilSecond}${String(ms).padStart(3, '0')}Z`;
}

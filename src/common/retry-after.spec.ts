import { retryAfterMs } from './retry-after.js';

describe('F63 retryAfterMs', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  it.each([
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 12:00:03 GMT' }, 3000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after-ms': '150', 'retry-after': '1' }, 150],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
    [{ 'retry-after': '1.5' }, 1500],
    [{ 'retry-after': 'Sunday, 23-Nov-26 12:00:03 GMT' }, 3000],
    [{ 'retry-after': 'Mon Nov 23 12:00:03 2026' }, 3000],
    [{ 'retry-after': ['4', '9'] }, 4000],
    ...['-1', '1e3', '0x10', 'Infinity', 'NaN', '5 minutes', 'soon 5', '', ' '].map(
      (value) => [{ 'retry-after': value }, undefined] as [object, undefined],
    ),
    [{ 'retry-after-ms': '-5', 'retry-after': '1' }, 1000],
    [{ 'retry-after': '999999999999' }, 86_400_000],
    [{ 'retry-after': 'Mon, 23 Nov 2126 12:00:03 GMT' }, 86_400_000],
  ])('%j', (headers, expected) => expect(retryAfterMs(headers as Record<string, unknown>, now)).toBe(expected));
});

import { z } from 'zod';
import { dayOf, MONTH_CHARACTERS } from './usage-row.js';
import type { UsageRange } from './usage-store.js';

/** What sums can be told apart by. */
export const DIMENSIONS = ['day', 'tenant', 'user', 'model', 'target'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Longest range, days; so long is usage kept in any case. */
export const MOST_DAYS = 400;

const DAY_MS = 86_400_000;
/** No day from here on: behind it years are written in another form. */
const END_OF_DAYS = Date.UTC(9999, 0, 1);
const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** A time without an offset would be of nobody's clock. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;
const EXPECTED = 'expected a date such as 2026-11-01, or a time such as 2026-11-01T00:00:00Z';
const BY = `expected some of ${DIMENSIONS.join(', ')}, with commas between them, each once`;

/** The day, UTC; `null` = it is neither a date nor a time. */
function dayIn(text: string): string | null {
  if (!DATE.test(text) && !TIME.test(text)) return null;
  const at = Date.parse(text);
  if (Number.isNaN(at) || at < 0 || at >= END_OF_DAYS) return null;
  const day = dayOf(at);
  return DATE.test(text) && day !== text ? null : day; // V8 takes the 30th of February for the 2nd of March
}

const day = z
  .string()
  .refine((text) => dayIn(text) !== null, EXPECTED)
  .transform((text) => dayIn(text)!);

const isDimension = (name: string): name is Dimension => DIMENSIONS.some((known) => known === name);

const dimensions = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim()))
  .refine((names) => names.every(isDimension) && new Set(names).size === names.length, BY)
  .transform((names) => names as readonly Dimension[]);

export const usageQuery = z.strictObject({
  from: day
    .optional()
    .describe('First day, UTC; of a time the day it is in. Left out: the first of the month of `to`.')
    .meta({ example: '2026-11-01' }),
  to: day
    .optional()
    .describe('Last day, UTC, which is part of the range. Left out: today.')
    .meta({ example: '2026-11-30' }),
  by: dimensions
    .prefault('tenant')
    .describe('What the sums are told apart by: some of day, tenant, user, model, target.')
    .meta({ type: 'string', example: 'day,model' }),
  tenant: z
    .string()
    .min(1)
    .max(1_024)
    .optional()
    .describe('Only this tenant; scope `operator` for one that is not yours.'),
  format: z.enum(['json', 'csv']).default('json').describe('csv: a file for a spreadsheet, without the total.'),
});
export type UsageQuery = z.output<typeof usageQuery>;

/** What is wrong with a range: the parameter, and what to send. */
export interface RangeProblem {
  readonly param: 'from' | 'to';
  readonly message: string;
}

/** @param now milliseconds since 1970 */
export function rangeOf({ from, to }: UsageQuery, now: number): Omit<UsageRange, 'tenant'> | RangeProblem {
  const last = to ?? dayOf(now);
  const first = from ?? `${last.slice(0, MONTH_CHARACTERS)}-01`;
  if (first > last) {
    const param = to === undefined ? 'from' : 'to';
    return {
      param,
      message: `the range begins at ${first} and ends at ${last}; send a \`to\` that is not before \`from\``,
    };
  }
  const days = (Date.parse(last) - Date.parse(first)) / DAY_MS + 1;
  if (days <= MOST_DAYS) return { from: first, to: last };
  return { param: 'from', message: `the range has ${days} days; ask for at most ${MOST_DAYS} at a time` };
}

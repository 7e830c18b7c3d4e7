import { z } from 'zod';
import { UsageError } from '../command.js';

/** Of one minute: far beyond any service, and small enough to be added and multiplied. */
const MOST = { requests: 1e9, p95_ms: 86_400_000, cost_usd: 1e6 };
const MOST_ENTRIES = 10_000;

const atMost = (most: number) => `must be at most ${most}`;
const count = z
  .int('must be a whole number, 0 or more')
  .min(0, 'must be a whole number, 0 or more')
  .max(MOST.requests, atMost(MOST.requests));
const amount = (most: number) =>
  z
    .number('must be a number, 0 or more, or null where it is not known')
    .min(0, 'must be 0 or more')
    .max(most, atMost(most));
const at = z.iso.datetime({ offset: true, error: 'must be a time such as "2026-11-27T10:00:00Z"' });

const sampleSchema = z
  .object({
    at,
    requests: count,
    errors: count,
    p95_ms: amount(MOST.p95_ms).nullable(),
    cost_usd: amount(MOST.cost_usd).nullable(),
    refused: count.optional(),
  })
  .refine(({ errors, requests }) => errors <= requests, {
    path: ['errors'],
    message: 'must not be more than "requests"; count an error as a request, too',
  });
const side = z
  .array(z.unknown(), 'must be a list of minutes; [] where there is none')
  .max(MOST_ENTRIES, `has more than ${MOST_ENTRIES} entries; give the minutes of one release`)
  .pipe(z.array(sampleSchema));
const WEIGHT = 'must be the percentage of the traffic that the new one gets, more than 0 and less than 100';
const weight = z.number(WEIGHT).gt(0, WEIGHT).lt(100, WEIGHT);
const samplesSchema = z.object(
  { old: side, new: side, weight: weight.optional() },
  'must be {"old":[...],"new":[...]}',
);

/** Requests of one minute and revision that count, whether they came to something or were refused (4xx: not among `requests`). */
export const arrivedOf = ({ requests, refused = 0 }: Sample): number => requests + refused;

/** One minute of one revision. */
export type Sample = z.infer<typeof sampleSchema>;
export type Samples = z.infer<typeof samplesSchema>;

/** @throws UsageError */
export function readWeight(option: string): number {
  const { success, data } = weight.safeParse(option.trim() === '' ? null : Number(option));
  if (!success) throw new UsageError(`--weight "${option}": ${WEIGHT}`);
  return data;
}

/** @throws UsageError that names the first field that is wrong, and what it must be. @param source where it is from */
export function checkedSamples(value: unknown, source: string): Samples {
  const { success, data, error } = samplesSchema.safeParse(value);
  if (success) return data;
  const { path, message } = error.issues[0]!;
  const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  throw new UsageError([source, field.replace(/^\./, ''), message].filter(Boolean).join(': '));
}

/** @throws UsageError */
export function jsonOf(text: string, source: string): unknown {
  if (text.trim() === '') throw new UsageError(`${source}: is empty; expected JSON (--help)`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${source}: is no JSON (${(error as Error).message})`, { cause: error });
  }
}

const MS_PER_MINUTE = 60_000;
const minuteOf = (sample: Sample): number => Math.floor(Date.parse(sample.at) / MS_PER_MINUTE);

/** `null` only where both are not known: a part of a minute that is known is better than none. */
function weighted(a: Sample, b: Sample): number | null {
  if (a.p95_ms === null || b.p95_ms === null) return a.p95_ms ?? b.p95_ms;
  const requests = a.requests + b.requests;
  return requests === 0 ? a.p95_ms : (a.p95_ms * a.requests + b.p95_ms * b.requests) / requests;
}

/** Two parts of one minute; money that is not known of a part is not known of the minute. */
const added = (a: Sample, b: Sample): Sample => ({
  ...(a.refused === undefined || b.refused === undefined ? {} : { refused: a.refused + b.refused }),
  at: a.at,
  requests: a.requests + b.requests,
  errors: a.errors + b.errors,
  p95_ms: weighted(a, b),
  cost_usd: a.cost_usd === null || b.cost_usd === null ? null : a.cost_usd + b.cost_usd,
});

/** By minute since 1970, in whatever order they came. Entries of one minute are its parts, such as those of two replicas. */
export function byMinute(samples: readonly Sample[]): ReadonlyMap<number, Sample> {
  const minutes = new Map<number, Sample>();
  for (const sample of samples) {
    const minute = minuteOf(sample);
    const known = minutes.get(minute);
    minutes.set(minute, known ? added(known, sample) : sample);
  }
  return minutes;
}

import { simulated, QUIET, type Traffic } from './simulated-traffic.js';
import type { Sample, Samples } from './samples.js';

/** What happened, for whoever opens the file. */
export interface MadeSamples extends Samples {
  readonly note: string;
}

const made = (what: string, change: Partial<Traffic>, seed: number): MadeSamples => ({
  note: `Made by tools/gate/make-samples.ts, not from production: ${what}.`,
  ...simulated({ ...QUIET, sharedBursts: false, ownBursts: false, ...change }, seed),
});

/** The same minutes with something else in them. */
const changed = (
  samples: MadeSamples,
  which: 'old' | 'new',
  change: (one: Sample, i: number) => Sample | null,
): MadeSamples => ({
  ...samples,
  [which]: samples[which].flatMap((one, i) => change(one, i) ?? []),
});

const BAD_MINUTE = 6;
const FEW = 2;

/** By the name of their file below tools/gate/samples. */
export const MADE_SAMPLES: Readonly<Record<string, MadeSamples>> = {
  good: made('the new revision is as good as the old one', {}, 1),
  better: made('it mends what the old one fails at', { errorRate: { old: 0.12, new: 0.01 } }, 2),
  slow: made('it takes half as long again', { medianMs: { old: 800, new: 1200 } }, 3),
  failing: made('5 % of its requests fail instead of 1 %', { errorRate: { old: 0.01, new: 0.05 } }, 4),
  refusing: made('half of its calls are refused', { refusedRate: { old: 0.02, new: 0.5 } }, 18),
  dearer: made('a request costs half as much again', { costUsd: { old: 0.002, new: 0.003 } }, 5),
  'failing-at-once': made(
    'nothing works, and it is the third minute',
    { minutes: 3, errorRate: { old: 0.01, new: 1 } },
    6,
  ),
  'after-five-minutes': made('as good, and not watched for long', { minutes: 5 }, 7),
  'no-data': { note: 'Made by hand, not from production: nobody asked anything.', old: [], new: [] },
  'no-traffic': { ...made('the new revision has a weight and gets no request', {}, 8), new: [] },
  'only-new': { ...made('nothing is known of the old one', {}, 9), old: [] },
  'too-little-traffic': made('the new one has two requests a minute', { requestsPerMinute: FEW }, 10),
  'old-as-bad': made('8 % fail whoever answers', { errorRate: { old: 0.08, new: 0.08 } }, 11),
  'both-down': made('nearly everything fails whoever answers', { errorRate: { old: 0.9, new: 0.9 } }, 12),
  'one-bad-minute': changed(made('a replica of the new one restarts', {}, 13), 'new', (one, i) =>
    i === BAD_MINUTE ? { ...one, errors: Math.round(one.requests / 2) } : one,
  ),
  'provider-outage': made('a provider fails for some minutes, whoever answers', { sharedBursts: true }, 34),
  gaps: changed(made('every second minute is missing', {}, 14), 'new', (one, i) => (i % 2 === 1 ? null : one)),
  silent: changed(made('the new one has told nothing for six minutes', { minutes: 20 }, 15), 'new', (one, i) =>
    i < 14 ? one : null,
  ),
  'cost-unknown': changed(made('the new one does not know its prices', {}, 16), 'new', (one) => ({
    ...one,
    cost_usd: null,
  })),
  'no-prices': changed(
    changed(made('no prices are configured at all', {}, 17), 'new', (one) => ({ ...one, cost_usd: null })),
    'old',
    (one) => ({ ...one, cost_usd: null }),
  ),
};

/** One minute a line. */
export function textOf({ note, old, new: fresh }: MadeSamples): string {
  const list = (samples: readonly Sample[]) =>
    samples.length === 0
      ? '[]'
      : `[\n${samples
          .map(
            (one) =>
              `    ${JSON.stringify(one)
                .replace('{', '{ ')
                .replace('}', ' }')
                .replace(/"(\w+)":/g, '"$1": ')
                .replaceAll(',"', ', "')}`,
          )
          .join(',\n')}\n  ]`;
  return `{\n  "note": ${JSON.stringify(note)},\n  "old": ${list(old)},\n  "new": ${list(fresh)}\n}\n`;
}

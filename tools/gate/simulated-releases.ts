import { decide, type Decision } from './decide.js';
import { QUIET, simulated, type Traffic } from './simulated-traffic.js';

/** Shares of simulated releases, 0 to 1. */
export interface Outcomes {
  readonly promote: number;
  readonly hold: number;
  readonly rollback: number;
  /** `null` = there was none. */
  readonly rollbackMinute: number | null;
}

/** Percent: the old one has nine times as many requests. */
const WEIGHT = 10;

/** As the release does it: a look after each minute, until the gate has decided or the time is up. */
function released(
  traffic: Traffic,
  seed: number,
): { readonly decision: Decision['decision']; readonly minute: number } {
  const { old, new: fresh } = simulated(traffic, seed);
  for (let minute = 1; minute <= traffic.minutes; minute += 1) {
    const { decision } = decide({ old: old.slice(0, minute), new: fresh.slice(0, minute), weight: WEIGHT });
    if (decision !== 'hold') return { decision, minute };
  }
  return { decision: 'hold', minute: traffic.minutes };
}

export function outcomes(traffic: Traffic, runs: number): Outcomes {
  const all = Array.from({ length: runs }, (_, run) => released(traffic, run + 1));
  const share = (which: Decision['decision']) => all.filter(({ decision }) => decision === which).length / runs;
  const minutes = all
    .filter(({ decision }) => decision === 'rollback')
    .map(({ minute }) => minute)
    .sort((a, b) => a - b);
  return {
    promote: share('promote'),
    hold: share('hold'),
    rollback: share('rollback'),
    rollbackMinute: minutes[Math.floor(minutes.length / 2)] ?? null,
  };
}

const at = (requestsPerMinute: number, change: Partial<Traffic> = {}): Traffic => ({
  ...QUIET,
  requestsPerMinute,
  ...change,
});

export const SCENARIOS: readonly { readonly name: string; readonly traffic: Traffic }[] = [
  ...[10, 30, 100].map((requests) => ({ name: 'equal', traffic: at(requests) })),
  ...[20, 100].map((requests) => ({
    name: 'equal, times vary twice as much',
    traffic: at(requests, { sigmaMs: 1.2 }),
  })),
  { name: 'equal, both fail 8 %', traffic: at(100, { errorRate: { old: 0.08, new: 0.08 } }) },
  ...[10, 30, 100].map((requests) => ({
    name: 'errors 1 % -> 5 %',
    traffic: at(requests, { errorRate: { old: 0.01, new: 0.05 } }),
  })),
  ...[10, 30, 100].map((requests) => ({
    name: 'errors 1 % -> 3 % (the margin)',
    traffic: at(requests, { errorRate: { old: 0.01, new: 0.03 } }),
  })),
  { name: 'refused 2 % -> 10 %', traffic: at(30, { refusedRate: { old: 0.02, new: 0.1 } }) },
  { name: 'refused 2 % -> 4 % (the margin)', traffic: at(100, { refusedRate: { old: 0.02, new: 0.04 } }) },
  { name: 'everything fails', traffic: at(30, { errorRate: { old: 0.01, new: 1 } }) },
  ...[10, 30, 100].map((requests) => ({
    name: 'p95 + 50 %',
    traffic: at(requests, { medianMs: { old: 800, new: 1200 } }),
  })),
  ...[10, 30, 100].map((requests) => ({
    name: 'p95 + 25 % (the margin)',
    traffic: at(requests, { medianMs: { old: 800, new: 1000 } }),
  })),
  ...[10, 30, 100, 200].map((requests) => ({
    name: 'cost + 30 %',
    traffic: at(requests, { costUsd: { old: 0.002, new: 0.0026 } }),
  })),
  ...[10, 30, 100].map((requests) => ({
    name: 'cost + 25 % (the margin)',
    traffic: at(requests, { costUsd: { old: 0.002, new: 0.0025 } }),
  })),
  { name: 'cost x 2', traffic: at(30, { costUsd: { old: 0.002, new: 0.004 } }) },
];

import type { Objectives, Plan } from './plan.js';
import type { Measured } from './run.js';
import { percentileOf, type Counts, type Sums, type Tally } from './tally.js';

type Histogram = Tally['latency'];

/** Milliseconds; `null` where nothing was measured. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

export interface CountsJson {
  readonly requests: number;
  readonly answered: number;
  readonly interrupted: number;
  readonly hits: number;
  readonly fallbacks: number;
  readonly attempts: number;
  readonly answers_with_tokens: number;
  readonly answers_with_cost: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  /** `null` where no answer told a cost: streams do not. */
  readonly cost_usd: number | null;
  readonly by_status: Record<string, Sums>;
  readonly by_target: Record<string, Sums>;
  readonly by_status_and_target: Record<string, Sums>;
  readonly by_cache: Record<string, Sums>;
  readonly errors: Record<string, Sums>;
}

export interface Judged {
  readonly text: string;
  readonly measured: number | null;
  readonly met: boolean;
}

export interface TimelinePoint {
  /** Seconds since the start, where the slice begins. */
  readonly at: number;
  readonly answered: number;
  readonly failed: number;
  readonly hits: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly first_token_p95: number | null;
}

/** Something that was done to the service while it ran. */
export interface RunEvent {
  readonly at: number;
  readonly what: string;
}

/** Everything a report shows; the JSON report is this. */
export interface Summary {
  readonly load: string;
  readonly questions: string;
  readonly where: string;
  readonly seed: number;
  readonly seconds: number;
  readonly measured_seconds: number;
  readonly warmup_seconds: number;
  readonly interrupted: boolean;
  readonly streamed: boolean;
  readonly open_loop: boolean;
  /** Complete answers a second. */
  readonly rate: number;
  readonly error_rate: number;
  readonly hit_rate: number;
  readonly not_started: number;
  readonly latency_ms: Percentiles;
  readonly service_ms: Percentiles;
  readonly first_token_ms: Percentiles;
  readonly gap_ms: Percentiles;
  readonly start_delay_ms: Percentiles;
  readonly own: Measured['own'];
  /** Without the warm-up. */
  readonly measured: CountsJson;
  /** Every request that was sent, once. */
  readonly total: CountsJson;
  readonly objectives: readonly Judged[];
  readonly met: boolean;
  readonly events: readonly RunEvent[];
  readonly slice_seconds: number;
  readonly timeline: readonly TimelinePoint[];
  /** Percentile (0 to 100) and milliseconds, closer together towards 100. */
  readonly curve: readonly (readonly [percentile: number, ms: number])[];
}

function percentilesOf(histogram: Histogram): Percentiles {
  const at = (percentile: number) => percentileOf(histogram, percentile);
  const [p50, p90, p95, p99, p999] = [50, 90, 95, 99, 99.9].map(at);
  return {
    count: histogram.totalCount,
    ...{ p50: p50 ?? null, p90: p90 ?? null, p95: p95 ?? null, p99: p99 ?? null, p999: p999 ?? null },
    max: histogram.totalCount === 0 ? null : histogram.maxValue / 1000,
  };
}

function countsOf(counts: Counts): CountsJson {
  const sums = counts.all.toJSON()['all'];
  return {
    requests: counts.requests,
    answered: counts.answered,
    interrupted: counts.interrupted,
    hits: counts.hits,
    fallbacks: counts.fallbacks,
    attempts: counts.attempts,
    answers_with_tokens: counts.withTokens,
    answers_with_cost: counts.withCost,
    prompt_tokens: sums?.prompt_tokens ?? 0,
    completion_tokens: sums?.completion_tokens ?? 0,
    cost_usd: counts.withCost === 0 ? null : (sums?.cost_usd ?? 0),
    by_status: counts.byStatus.toJSON(),
    by_target: counts.byTarget.toJSON(),
    by_status_and_target: counts.byStatusAndTarget.toJSON(),
    by_cache: counts.byCache.toJSON(),
    errors: counts.errors.toJSON(),
  };
}

/** The form of HdrHistogram's own plots: half of what is left to 100 % is cut in five, and so on. */
function curveOf(histogram: Histogram): [number, number][] {
  if (histogram.totalCount === 0) return [];
  const points: [number, number][] = [];
  const TICKS = 5;
  for (let left = 1; left * histogram.totalCount >= 0.5; left /= 2) {
    for (let tick = 0; tick < TICKS; tick += 1) {
      const percentile = 100 * (1 - left + (left / 2) * (tick / TICKS));
      points.push([percentile, percentileOf(histogram, percentile) ?? 0]);
    }
  }
  return points;
}

export function summaryOf(plan: Plan, measured: Measured, where: string, events: readonly RunEvent[]): Summary {
  const { tally, notStarted } = measured;
  const { load, asking } = plan;
  const counts = tally.measured;
  const due = counts.requests - counts.interrupted + notStarted;
  const failed = due - counts.answered;
  const figures = {
    rate: measured.measuredSeconds === 0 ? 0 : counts.answered / measured.measuredSeconds,
    error_rate: due === 0 ? 0 : failed / due,
    hit_rate: counts.answered === 0 ? 0 : counts.hits / counts.answered,
    latency_ms: percentilesOf(tally.latency),
    first_token_ms: percentilesOf(tally.firstToken),
    gap_ms: percentilesOf(tally.gap),
  };
  const objectives = judged(plan.objectives, figures);
  return {
    ...figures,
    load: loadText(plan),
    questions: questionsText(plan),
    where,
    seed: asking.seed,
    seconds: measured.seconds,
    measured_seconds: measured.measuredSeconds,
    warmup_seconds: plan.warmupMs / 1000,
    interrupted: measured.interrupted,
    streamed: asking.stream,
    open_loop: load.kind === 'open',
    not_started: notStarted,
    service_ms: percentilesOf(tally.service),
    start_delay_ms: percentilesOf(measured.startDelay),
    own: measured.own,
    measured: countsOf(counts),
    total: countsOf(tally.total),
    objectives,
    met: objectives.every(({ met }) => met),
    events,
    slice_seconds: tally.sliceMs / 1000,
    timeline: timelineOf(tally),
    curve: curveOf(tally.latency),
  };
}

function timelineOf({ timeline, sliceMs }: Tally): TimelinePoint[] {
  return timeline.map((slice, index) => ({
    at: (index * sliceMs) / 1000,
    answered: slice?.answered ?? 0,
    failed: slice?.failed ?? 0,
    hits: slice?.hits ?? 0,
    p50: slice ? percentileOf(slice.latency, 50) : null,
    p95: slice ? percentileOf(slice.latency, 95) : null,
    p99: slice ? percentileOf(slice.latency, 99) : null,
    first_token_p95: slice ? percentileOf(slice.firstToken, 95) : null,
  }));
}

type Figures = Pick<Summary, 'rate' | 'error_rate' | 'hit_rate' | 'latency_ms' | 'first_token_ms' | 'gap_ms'>;

/** What was not measured at all is missed: a run without one answer has no p95 that could be good. */
function judged(asked: Objectives, figures: Figures): Judged[] {
  const { latency_ms: latency, first_token_ms: first, gap_ms: gap } = figures;
  const list: Judged[] = [];
  const most = (limit: number | null, text: string, value: number | null): void => {
    if (limit !== null) list.push({ text, measured: value, met: value !== null && value <= limit });
  };
  const least = (limit: number | null, text: string, value: number): void => {
    if (limit !== null) list.push({ text, measured: value, met: value >= limit });
  };
  const percent = (share: number | null): string => `${Number(((share ?? 0) * 100).toFixed(4))} %`;
  most(asked.p95Ms, `p95 at most ${asked.p95Ms} ms`, latency.p95);
  most(asked.p99Ms, `p99 at most ${asked.p99Ms} ms`, latency.p99);
  most(asked.firstTokenP95Ms, `p95 of the first token at most ${asked.firstTokenP95Ms} ms`, first.p95);
  most(asked.gapMs, `p99 of the largest gap at most ${asked.gapMs} ms`, gap.p99);
  most(asked.maxErrorRate, `errors at most ${percent(asked.maxErrorRate)}`, figures.error_rate);
  least(asked.minHitRate, `hits at least ${percent(asked.minHitRate)}`, figures.hit_rate);
  least(asked.minRate, `answers at least ${asked.minRate}/s`, figures.rate);
  return list;
}

function loadText({ load, warmupMs }: Plan): string {
  const warmup = warmupMs > 0 ? `, ${warmupMs / 1000} s warm-up` : '';
  if (load.kind === 'open') {
    return `open loop, ${load.rate}/s ${load.arrivals} for ${load.durationMs / 1000} s, at most ${load.maxInFlight} in flight${warmup}`;
  }
  const many = load.requests === null ? `for ${(load.durationMs ?? 0) / 1000} s` : `x ${load.requests} requests`;
  return `closed loop, ${load.users} users ${many}${load.thinkMs > 0 ? `, ${load.thinkMs} ms to think` : ''}${warmup}`;
}

function questionsText({ asking }: Plan): string {
  const { model, stream, prompts, same, repeats, sessions, turns, keys } = asking;
  return [
    `model ${model}, ${stream ? 'streamed' : 'plain'}`,
    ...(prompts.length > 1 ? [`${prompts.length} prompts`] : []),
    ...(same ? ['one question'] : []),
    ...(repeats > 0 ? [`${Number((repeats * 100).toFixed(2))} % repeats`] : []),
    ...(sessions > 0 ? [`${sessions} conversations of ${turns} turns`] : []),
    ...(keys.length > 1 ? [`${keys.length} keys`] : []),
  ].join(', ');
}

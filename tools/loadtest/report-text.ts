import type { CountsJson, Percentiles, Summary } from './summary.js';
import type { Sums } from './tally.js';

export const shownMs = (ms: number | null): string => (ms === null ? 'none' : ms < 10 ? ms.toFixed(2) : ms.toFixed(0));
export const shownShare = (share: number): string => `${(share * 100).toFixed(2)} %`;

export type Row = readonly [name: string, ...values: string[]];
export const TIMES_HEAD: Row = ['milliseconds', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'];

export function timesOf(summary: Summary): Row[] {
  const row = (name: string, { p50, p90, p95, p99, p999, max }: Percentiles): Row => [
    name,
    ...[p50, p90, p95, p99, p999, max].map(shownMs),
  ];
  return [
    row(summary.open_loop ? 'answers, from when due' : 'answers', summary.latency_ms),
    ...(summary.open_loop ? [row('answers, from when sent', summary.service_ms)] : []),
    ...(summary.streamed ? [row('first token', summary.first_token_ms), row('largest gap', summary.gap_ms)] : []),
    ...(summary.open_loop ? [row('begun later than due', summary.start_delay_ms)] : []),
  ];
}

const counted = (sums: Record<string, Sums>): string =>
  Object.entries(sums)
    .map(([name, { requests }]) => `${name} ${requests}`)
    .join(', ') || 'none';

/** What was counted, in words; the same lines in every form of the report. */
export function factsOf(summary: Summary): Row[] {
  const { measured, total } = summary;
  const unknown = summary.streamed
    ? 'streams do not tell it'
    : 'no answer told it: a price is unknown, or nothing was answered';
  const cost = measured.cost_usd === null ? unknown : `${measured.cost_usd} USD`;
  return [
    ['load', summary.load],
    ['questions', `${summary.questions}, seed ${summary.seed}`],
    ['service', summary.where],
    [
      'requests',
      `${total.requests} in ${summary.seconds.toFixed(1)} s, ${measured.requests} of them measured; ${summary.rate.toFixed(1)} answers/s`,
    ],
    ['errors', `${shownShare(summary.error_rate)}: ${counted(measured.errors)}`],
    ...(summary.open_loop ? [['not begun', `${summary.not_started} that were due (errors too)`] as const] : []),
    ['status', counted(measured.by_status)],
    ['targets', counted(measured.by_target)],
    ['cache', `${shownShare(summary.hit_rate)} hits: ${counted(measured.by_cache)}`],
    ['fallbacks', `${measured.fallbacks}; ${measured.attempts} attempts`],
    ['tokens', `${measured.prompt_tokens} prompt, ${measured.completion_tokens} completion${missingTokens(measured)}`],
    ['cost', cost],
    ...summary.events.map(({ at, what }): Row => ['event', `${at.toFixed(1)} s: ${what}`]),
  ];
}

function missingTokens({ answered, answers_with_tokens: told }: CountsJson): string {
  return told < answered ? ` (${answered - told} answers told none)` : '';
}

/** What a reader has to know before he believes the figures. */
export function notesOf(summary: Summary): string[] {
  const { own, open_loop: open, interrupted, latency_ms: latency, streamed, total } = summary;
  const figures = `its event loop was ${(own.utilization * 100).toFixed(0)} % busy and up to ${own.lag_max_ms.toFixed(0)} ms late (p99 ${own.lag_p99_ms.toFixed(1)} ms)`;
  return [
    ...(total.errors['invalid_api_key'] ? ['The service wants a key: --key, --key-file, or ROUTER_KEY.'] : []),
    own.was_bottleneck
      ? `The load generator was a bottleneck itself: ${figures}. Times are too long by as much; ask for less, or from another machine.`
      : `The load generator kept up: ${figures}.`,
    ...(open ? ['Times count from when a request was due; timers are a millisecond exact.'] : []),
    ...(!open && latency.count > 0
      ? ['A closed loop asks less while the service is slow, so its percentiles flatter: --rate does not.']
      : []),
    ...(streamed ? ['A gap is measured between reads: frames that came together have none between them.'] : []),
    ...(interrupted ? ['Ended early; these are the figures so far. What was in flight then is no error.'] : []),
  ];
}

/** The objectives, and whether each was met. */
export const verdictsOf = ({ objectives }: Summary): Row[] =>
  objectives.map(({ text, met }) => ['objective', `${text}: ${met ? 'met' : 'MISSED'}`]);

function aligned(rows: readonly Row[]): string[] {
  const widths = (rows[0] as Row).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

const named = (rows: readonly Row[]): string[] => rows.map(([name, value]) => `${name.padEnd(11)} ${value}`);

export function textReport(summary: Summary): string {
  return [
    ...named(factsOf(summary)),
    '',
    ...aligned([TIMES_HEAD, ...timesOf(summary)]),
    '',
    ...named(verdictsOf(summary)),
    ...notesOf(summary).map((note) => `note        ${note}`),
  ].join('\n');
}

const cell = (text: string): string => text.replace(/[|\\]/g, '\\$&');
const markdownRow = (row: Row): string => `| ${row.map(cell).join(' | ')} |`;

function markdownTable(head: Row, rows: readonly Row[]): string {
  const line = `| ${head.map((_, column) => (column === 0 ? '---' : '---:')).join(' | ')} |`;
  return [markdownRow(head), line, ...rows.map(markdownRow)].join('\n');
}

export function markdownReport(summary: Summary): string {
  const facts = factsOf(summary).map(([name, value]) => `- ${name}: ${value}`);
  const verdicts = verdictsOf(summary).map(([, value]) => `- ${value}`);
  return `# Load test: ${summary.met ? 'objectives met' : 'objectives missed'}

${facts.join('\n')}

${markdownTable(TIMES_HEAD, timesOf(summary))}

${verdicts.join('\n')}

${notesOf(summary).join('\n')}
`;
}

// node tools/run.mjs tools/dashboard-picture/dashboard-picture.ts: the Grafana dashboard as one SVG, from a Prometheus that runs.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DASHBOARDS, readDashboard, withoutVariables } from '../check-infra/dashboard.js';
import { readOptions, runCommand, UsageError } from '../command.js';
import { panelPicture, type Series } from './panel-picture.js';
import { pageOf, type Drawn } from './picture-page.js';

const USAGE = `Usage: node tools/run.mjs tools/dashboard-picture/dashboard-picture.ts [options]
  --url <url>         a Prometheus on this machine (default http://127.0.0.1:9090)
  --job <name>        scrape job of the replicas (default router)
  --minutes <n>       until now (default 5)
  --interval <time>   of rates: four scrapes (default 1m)
  --out <file>        (default docs/dashboard.svg)`;

const SECONDS_PER_MINUTE = 60;
const POINTS = 60;

interface RangeAnswer {
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [seconds: number, value: string])[];
    }[];
  };
}

/** `{{target}} {{outcome}}` with the labels of a series. */
const legend = (format: string, labels: Readonly<Record<string, string>>): string =>
  format.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => labels[name] ?? '');

/** @throws UsageError where Prometheus refuses the query or is not there */
async function rangeOf(base: string, query: string, format: string, start: number, end: number): Promise<Series[]> {
  const step = (end - start) / POINTS;
  const parameters = new URLSearchParams({ query, start: String(start), end: String(end), step: String(step) });
  const answer = await fetch(new URL(`/api/v1/query_range?${parameters.toString()}`, base)).catch((cause: unknown) => {
    throw new UsageError(`--url ${base}: there is no Prometheus`, { cause });
  });
  const { error, data } = (await answer.json()) as RangeAnswer;
  if (!data) throw new UsageError(`${query}: ${error ?? `status ${answer.status}`}`);
  return data.result.map(({ metric, values }) => {
    return { name: legend(format, metric), points: values.map(([at, value]) => [at - start, Number(value)] as const) };
  });
}

await runCommand(USAGE, async () => {
  const { url, job, minutes, interval, out } = readOptions({
    url: { type: 'string', default: 'http://127.0.0.1:9090' },
    job: { type: 'string', default: 'router' },
    minutes: { type: 'string', default: '5' },
    interval: { type: 'string', default: '1m' },
    out: { type: 'string', default: join('docs', 'dashboard.svg') },
  });
  if (!(Number(minutes) > 0)) throw new UsageError(`--minutes ${minutes}: is to be a number over 0`);
  const end = Math.floor(Date.now() / 1000);
  const start = end - Number(minutes) * SECONDS_PER_MINUTE;
  const dashboard = readDashboard('.', join(DASHBOARDS, 'router.json'));
  const drawn: Drawn[] = [];
  const empty: string[] = [];
  for (const { type, title, targets = [], fieldConfig } of dashboard.panels) {
    if (type === 'row') {
      drawn.push({ row: title });
      continue;
    }
    const series: Series[] = [];
    for (const { expr, legendFormat } of targets) {
      const query = withoutVariables(expr, { __rate_interval: interval, job });
      series.push(...(await rangeOf(url, query, legendFormat, start, end)));
    }
    if (series.length === 0) empty.push(title);
    drawn.push({ panel: panelPicture(title, series, fieldConfig?.defaults ?? {}, end - start) });
  }
  writeFileSync(out, pageOf(dashboard.title, drawn));
  console.log(
    `${out}: ${drawn.length} panels and rows${empty.length > 0 ? `; without data: ${empty.join(', ')}` : ''}`,
  );
});

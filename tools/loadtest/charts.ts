import { init, type EChartsOption } from 'echarts';
import type { Summary, TimelinePoint } from './summary.js';

const WIDTH = 860;
const HEIGHT = 280;
/** Stands for the colour of the page's text, which a light and a dark page have different. */
const INK = '#010203';
/** Readable on white and on black. */
const COLORS = ['#3b82f6', '#e8833a', '#d64550', '#2fa36b', '#8b6fd6', '#8a8f98'];
const PERCENT = 100;
/** So few that a line alone would not show them. */
const FEW_POINTS = 12;

export interface Chart {
  readonly title: string;
  readonly svg: string;
}

type Point = readonly [x: number | string, y: number | null];
interface Line {
  readonly name: string;
  readonly points: readonly Point[];
  readonly area?: boolean;
  readonly stack?: string;
}

function drawn(option: EChartsOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption({ animation: false, color: COLORS, textStyle: { color: INK }, ...option });
    return chart.renderToSVGString().replaceAll(INK, 'currentColor');
  } finally {
    chart.dispose();
  }
}

const axis = (name: string): object => ({
  name,
  nameTextStyle: { color: INK },
  axisLabel: { color: INK, hideOverlap: true },
  axisLine: { lineStyle: { color: INK, opacity: 0.5 } },
  axisTick: { lineStyle: { color: INK, opacity: 0.5 } },
  splitLine: { lineStyle: { color: INK, opacity: 0.12 } },
});

function lines(xName: string, yName: string, series: readonly Line[], events: Summary['events'] = []): string {
  const marks = {
    symbol: 'none',
    label: { show: false },
    lineStyle: { color: INK, type: 'dashed' as const, opacity: 0.6 },
    data: events.map(({ at }) => ({ xAxis: at })),
  };
  return drawn({
    legend: { textStyle: { color: INK }, top: 0 },
    grid: { left: 64, right: 72, top: 48, bottom: 36 },
    xAxis: { type: 'value', ...axis(xName) },
    yAxis: { type: 'value', ...axis(yName) },
    series: series.map(({ name, points, area, stack }, index) => ({
      ...{
        type: 'line' as const,
        name,
        symbol: points.length > FEW_POINTS ? 'none' : 'circle',
        data: points.map((point) => [...point]),
      },
      ...(area ? { areaStyle: { opacity: 0.35 } } : {}),
      ...(stack === undefined ? {} : { stack }),
      ...(index === 0 && events.length > 0 ? { markLine: marks } : {}),
    })),
  });
}

/** Percentiles as HdrHistogram draws them: each step to the right is ten times rarer. */
function percentileCurve(summary: Summary): string {
  const rarity = (percentile: number): number => PERCENT / (PERCENT - percentile);
  return drawn({
    grid: { left: 64, right: 72, top: 24, bottom: 36 },
    xAxis: {
      type: 'log',
      ...axis('percentile'),
      axisLabel: {
        color: INK,
        formatter: (value: number) => `${Number((PERCENT - PERCENT / value).toFixed(5))} %`,
      },
    },
    yAxis: { type: 'value', ...axis('ms') },
    series: [
      {
        type: 'line',
        symbol: 'none',
        step: 'end',
        data: summary.curve.map(([percentile, ms]) => [rarity(percentile), ms]),
      },
    ],
  });
}

function bars(counts: readonly (readonly [name: string, count: number])[]): string {
  return drawn({
    grid: { left: 130, right: 90, top: 16, bottom: 36 },
    xAxis: { type: 'value', ...axis('requests') },
    yAxis: { type: 'category', inverse: true, data: counts.map(([name]) => name), axisLabel: { color: INK } },
    series: [
      {
        type: 'bar',
        barMaxWidth: 28,
        label: { show: true, position: 'right', color: INK },
        data: counts.map(([, count], index) => ({
          value: count,
          itemStyle: { color: COLORS[index % COLORS.length] as string },
        })),
      },
    ],
  });
}

const countsOf = (sums: Summary['total']['by_status']): [string, number][] =>
  Object.entries(sums).map(([name, { requests }]) => [name, requests]);

/** Every chart of a report, as SVG that takes its ink from the page around it. */
export function chartsOf(summary: Summary): Chart[] {
  const { timeline, slice_seconds: seconds, events, streamed } = summary;
  const over = (name: string, of: (point: TimelinePoint) => number | null): Line => ({
    name,
    points: timeline.map((point) => [point.at, of(point)]),
  });
  const share = ({ answered, hits }: TimelinePoint): number | null =>
    answered === 0 ? null : (PERCENT * hits) / answered;
  return [
    { title: 'Latency by percentile', svg: percentileCurve(summary) },
    {
      title: 'Latency over time',
      svg: lines(
        's',
        'ms',
        [over('p50', ({ p50 }) => p50), over('p95', ({ p95 }) => p95), over('p99', ({ p99 }) => p99)],
        events,
      ),
    },
    {
      title: 'Throughput over time',
      svg: lines(
        's',
        'requests/s',
        [
          { ...over('answered', ({ answered }) => answered / seconds), area: true, stack: 'all' },
          { ...over('failed', ({ failed }) => failed / seconds), area: true, stack: 'all' },
        ],
        events,
      ),
    },
    ...(streamed
      ? [
          {
            title: 'First token over time',
            svg: lines('s', 'ms', [over('p95', (point) => point.first_token_p95)], events),
          },
        ]
      : []),
    { title: 'Statuses', svg: bars(countsOf(summary.total.by_status)) },
    { title: 'Targets', svg: bars(countsOf(summary.total.by_target)) },
    { title: 'Cache', svg: bars(countsOf(summary.total.by_cache)) },
    { title: 'Share of hits over time', svg: lines('s', '%', [over('hits', share)], events) },
  ];
}

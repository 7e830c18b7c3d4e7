import { init } from 'echarts';

export const PANEL_WIDTH = 420;
export const PANEL_HEIGHT = 210;

/** A line: seconds since the start, value. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

/** `fieldConfig.defaults` of a panel. */
export interface PanelDefaults {
  readonly unit?: string;
  readonly max?: number;
  readonly custom?: { readonly stacking?: object };
  readonly mappings?: readonly { readonly options: Readonly<Record<string, { readonly text: string }>> }[];
}

const INK = '#333';
const COLORS = ['#3b82f6', '#e8833a', '#2fa36b', '#d64550', '#8b6fd6', '#8a8f98', '#c9a227', '#17a2b8'];
const MOST_LINES = 8;
const SECONDS_PER_MINUTE = 60;
const LEGEND_ROW = 16;
/** What stands in a row of the legend. */
const LEGEND_CHARACTERS = 64;
const LONGEST_NAME = 44;

const short = (value: number): string => String(Number(value.toPrecision(3)));
const MEGA = 1e6;
const KILO = 1e3;

/** As Grafana writes values of a unit. */
function shown(unit: string, value: number): string {
  if (unit === 'percentunit') return `${short(value * 100)} %`;
  if (unit === 's') return value !== 0 && Math.abs(value) < 1 ? `${short(value * KILO)} ms` : `${short(value)} s`;
  if (unit === 'bytes') return value >= MEGA ? `${short(value / MEGA)} MB` : `${short(value / KILO)} kB`;
  if (unit === 'currencyUSD') return `$${short(value)}`;
  if (unit === 'reqps' || unit === 'ops') return `${short(value)}/s`;
  return value >= KILO ? `${short(value / KILO)} k` : short(value);
}

const total = ({ points }: Series): number =>
  points.reduce((sum, [, value]) => sum + (Number.isFinite(value) ? value : 0), 0);

/** Areas are stacked point by point: a line that begins later was 0 before. */
function filled(series: readonly Series[]): Series[] {
  const times = [...new Set(series.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  return series.map(({ name, points }) => {
    const values = new Map(points);
    return { name, points: times.map((at) => [at, values.get(at) ?? 0] as const) };
  });
}

/** The busiest lines, by name; how many are left out stands in the title. */
function most(series: readonly Series[]): Series[] {
  const kept = [...series].sort((a, b) => total(b) - total(a)).slice(0, MOST_LINES);
  return kept.sort((a, b) => a.name.localeCompare(b.name));
}

const cut = (name: string): string => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name);

/** A panel as SVG. */
export function panelPicture(title: string, all: readonly Series[], defaults: PanelDefaults, seconds: number): string {
  const { unit = 'short', max, custom, mappings = [] } = defaults;
  const isStacked = custom?.stacking !== undefined;
  const series = isStacked ? filled(most(all)) : most(all);
  const texts = mappings[0]?.options;
  const characters = series.reduce((sum, { name }) => sum + Math.min(name.length, LONGEST_NAME) + 7, 0);
  const legendRows = Math.min(4, Math.ceil(characters / LEGEND_CHARACTERS));
  const more = all.length > series.length ? ` (${series.length} of ${all.length})` : '';
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: PANEL_WIDTH, height: PANEL_HEIGHT });
  chart.setOption({
    animation: false,
    color: COLORS,
    title: { text: title + more, left: 8, top: 6, textStyle: { fontSize: 12, color: INK, fontWeight: 'bold' } },
    legend: {
      ...{ left: 8, right: 8, bottom: 2, itemWidth: 12, itemHeight: 6, itemGap: 16, icon: 'rect' },
      textStyle: { fontSize: 9, color: INK },
      formatter: cut,
    },
    grid: { left: 58, right: 14, top: 32, bottom: 24 + legendRows * LEGEND_ROW },
    graphic:
      series.length > 0
        ? []
        : [
            {
              type: 'text',
              left: 'center',
              top: 'middle',
              style: { text: 'nothing of the kind happened', fill: '#888', fontSize: 11 },
            },
          ],
    xAxis: {
      ...{ type: 'value', min: 0, max: seconds, interval: SECONDS_PER_MINUTE, splitLine: { show: false } },
      axisLabel: {
        fontSize: 9,
        color: INK,
        formatter: (at: number) => (at % SECONDS_PER_MINUTE === 0 ? `${at / SECONDS_PER_MINUTE} min` : ''),
      },
    },
    yAxis: {
      ...{ type: 'value', min: 0, max, splitNumber: 3, ...(texts ? { interval: 1 } : {}) },
      axisLabel: {
        fontSize: 9,
        color: INK,
        formatter: (value: number) => texts?.[String(value)]?.text ?? shown(unit, value),
      },
      splitLine: { lineStyle: { color: '#eee' } },
    },
    series: series.map(({ name, points }) => ({
      ...{ type: 'line' as const, name, symbol: 'none', lineStyle: { width: 1.2 } },
      ...(isStacked ? { stack: 'all', areaStyle: { opacity: 0.35 } } : {}),
      data: points
        .filter(([, value]) => Number.isFinite(value))
        .map(([at, value]) => [Math.round(at), Number(value.toPrecision(4))]),
    })),
  });
  try {
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

import { Registry } from 'prom-client';

/** One sample, as prom-client hands it out. */
interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  /** Of a histogram: with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string;
  readonly exemplar?: Exemplar | null;
}

interface Exemplar {
  readonly labelSet: Readonly<Record<string, string>>;
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/** A metric with its series, as prom-client hands it out. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly Sample[];
}

/** A form in which metrics are written. prom-client writes one of them for each registry, and renames counters for the other. */
export interface Exposition {
  readonly contentType: string;
  /** What the lines that describe a metric call it. */
  readonly familyName: (family: MetricFamily) => string;
  readonly help: (text: string) => string;
  /** The value of `le`. */
  readonly bound: (le: string | number) => string;
  readonly exemplar: (exemplar: Exemplar | null | undefined) => string;
  readonly end: string;
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapedLabel = (text: string): string => escaped(text).replaceAll('"', '\\"');

const noExemplar = (): string => '';
const sameName = ({ name }: MetricFamily): string => name;

/** @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export const PROMETHEUS_TEXT: Exposition = {
  contentType: Registry.PROMETHEUS_CONTENT_TYPE,
  familyName: sameName,
  help: escaped,
  bound: String,
  exemplar: noExemplar,
  end: '',
};

const COUNTER_ENDING = /_total$/;

/**
 * A counter is called without `_total` where it is described, and bounds are floats. `_created` is optional and left out.
 *
 * @see https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
 */
export const OPEN_METRICS: Exposition = {
  contentType: Registry.OPENMETRICS_CONTENT_TYPE,
  familyName: ({ name, type }) => (type === 'counter' ? name.replace(COUNTER_ENDING, '') : name),
  help: escapedLabel,
  bound: (le) => (Number.isInteger(le) ? `${le}.0` : String(le)),
  exemplar: (exemplar) =>
    exemplar ? ` # {${labelsText(exemplar.labelSet, String)}} ${numberText(exemplar.value)} ${exemplar.timestamp}` : '',
  end: '# EOF\n',
};

/** Everything in one form. */
export const expositionOf = (families: readonly MetricFamily[], form: Exposition): string =>
  families.map((family) => familyText(family, form)).join('') + form.end;

function familyText(family: MetricFamily, form: Exposition): string {
  const { name, help, type, values } = family;
  const described = form.familyName(family);
  let text = `# HELP ${described} ${form.help(help)}\n# TYPE ${described} ${type}\n`;
  for (const { metricName = name, labels, value, exemplar } of values) {
    const pairs = labelsText(labels, form.bound);
    text += `${metricName}${pairs === '' ? '' : `{${pairs}}`} ${numberText(value)}${form.exemplar(exemplar)}\n`;
  }
  return text;
}

function labelsText(labels: Sample['labels'], bound: Exposition['bound']): string {
  let text = '';
  for (const [name, value] of Object.entries(labels)) {
    const shown = name === 'le' ? bound(value) : escapedLabel(String(value));
    text += `${text === '' ? '' : ','}${name}="${shown}"`;
  }
  return text;
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

const MEDIA_RANGE = /^\s*([^;\s]+)\s*(?:;(.*))?$/;

/** A media range of an `Accept` header (RFC 9110 section 12.5.1). */
interface Range {
  readonly type: string;
  readonly version: string | undefined;
  readonly q: number;
}

function rangesOf(accept: string): Range[] {
  return accept.split(',').flatMap((text) => {
    const [, type, rest = ''] = MEDIA_RANGE.exec(text) ?? [];
    if (type === undefined) return [];
    const pairs = rest.split(';').map((pair) => pair.split('=').map((part) => part.trim().toLowerCase()));
    const parameters = new Map(pairs.map(([name = '', value = '']) => [name, value]));
    const q = Number(parameters.get('q') ?? 1);
    return [{ type: type.toLowerCase(), version: parameters.get('version'), q: q >= 0 && q <= 1 ? q : 0 }];
  });
}

const best = (ranges: readonly Range[]): number => Math.max(0, ...ranges.map(({ q }) => q));

/**
 * The form that a scraper would rather have. OpenMetrics only where it is asked for by name, in version 1 or in any: what
 * takes everything gets the older form, which every tool reads.
 */
export function preferredForm(accept: string | undefined): Exposition {
  if (accept === undefined) return PROMETHEUS_TEXT;
  const ranges = rangesOf(accept);
  const openMetrics = best(
    ranges.filter(({ type, version = '1.0.0' }) => type === 'application/openmetrics-text' && version.startsWith('1.')),
  );
  const text = best(ranges.filter(({ type, version = '0.0.4' }) => type === 'text/plain' && version === '0.0.4'));
  return openMetrics > 0 && openMetrics >= text ? OPEN_METRICS : PROMETHEUS_TEXT;
}

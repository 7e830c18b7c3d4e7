import { DIMENSIONS, type Dimension } from './usage-query.js';
import { addTo, NO_COUNTS, usdOf, type UsageCounts, type UsageRow } from './usage-row.js';

/** More lines than one answer should have; each takes some 300 bytes of it. */
export const MOST_LINES = 100_000;

/** Sums as they are shown. */
export interface ShownCounts {
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  readonly cost_usd: number;
  readonly saved_usd: number;
  readonly unpriced_requests: number;
}

export type ReportLine = Partial<Readonly<Record<Dimension, string>>> & ShownCounts;

const COLUMNS = [
  ...['requests', 'prompt_tokens', 'completion_tokens', 'cached_tokens'],
  ...['cost_usd', 'saved_usd', 'unpriced_requests'],
];
/** What a spreadsheet takes for the beginning of a formula (owasp.org/www-community/attacks/CSV_Injection). */
const FORMULA = /^[=+\-@\t\r\n]/;
const NEEDS_QUOTES = /[",\r\n]/;

const valueOf = (row: UsageRow, dimension: Dimension): string => {
  switch (dimension) {
    case 'day':
      return row.day;
    case 'tenant':
      return row.tenant;
    case 'user':
      return row.user;
    case 'model':
      return row.model;
    case 'target':
      return row.target;
  }
};

const shown = (counts: UsageCounts): ShownCounts => ({
  requests: counts.requests,
  prompt_tokens: counts.promptTokens,
  completion_tokens: counts.completionTokens,
  cached_tokens: counts.cachedTokens,
  cost_usd: usdOf(counts.costNanoUsd),
  saved_usd: usdOf(counts.savedNanoUsd),
  unpriced_requests: counts.unpricedRequests,
});

interface Sum extends UsageCounts {
  /** One for each dimension. */
  readonly names: readonly string[];
}

/** Adds rows up by some of their names. */
export class UsageReport {
  private readonly sums = new Map<string, Sum>();
  private readonly all: UsageCounts = { ...NO_COUNTS };
  private readonly by: readonly Dimension[];

  /** @param by in any order; lines have the one of `DIMENSIONS` */
  constructor(by: readonly Dimension[]) {
    this.by = DIMENSIONS.filter((dimension) => by.includes(dimension));
  }

  /** Whether there is room; once there is not, the report is of no use. */
  add(row: UsageRow): boolean {
    const names = this.by.map((dimension) => valueOf(row, dimension));
    const key = JSON.stringify(names);
    let sum = this.sums.get(key);
    if (!sum) {
      if (this.sums.size >= MOST_LINES) return false;
      this.sums.set(key, (sum = { names, ...NO_COUNTS }));
    }
    addTo(sum, row);
    addTo(this.all, row);
    return true;
  }

  get total(): ShownCounts {
    return shown(this.all);
  }

  /** In the order of their names, the first dimension first. */
  get lines(): ReportLine[] {
    return this.sorted.map((sum) => ({
      ...Object.fromEntries(this.by.map((dimension, i) => [dimension, sum.names[i]])),
      ...shown(sum),
    }));
  }

  /** RFC 4180, with a line of headings. A name that a spreadsheet would take for a formula has a `'` in front. */
  get csv(): string {
    const lines = [[...this.by, ...COLUMNS].join(',')];
    for (const sum of this.sorted) {
      const { requests, promptTokens, completionTokens, cachedTokens, unpricedRequests } = sum;
      const usd = [sum.costNanoUsd, sum.savedNanoUsd].map(decimal);
      const counts = [requests, promptTokens, completionTokens, cachedTokens, ...usd, unpricedRequests];
      lines.push([...sum.names.map(cell), ...counts].join(','));
    }
    return `${lines.join('\r\n')}\r\n`;
  }

  private get sorted(): Sum[] {
    return [...this.sums.values()].sort((a, b) => compared(a.names, b.names));
  }
}

function compared(a: readonly string[], b: readonly string[]): number {
  const i = a.findIndex((name, n) => name !== b[n]);
  if (i < 0) return 0;
  return a[i]! < b[i]! ? -1 : 1;
}

function cell(name: string): string {
  const safe = FORMULA.test(name) ? `'${name}` : name;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Never in the form 1e-7, which programs read in different ways. */
const decimal = (nano: number): string =>
  usdOf(nano)
    .toFixed(9)
    .replace(/\.?0+$/, '');

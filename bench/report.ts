/** What a figure may at least or at most be; `null`: nothing is asked of it. */
export type Bound = { readonly at: 'least' | 'most'; readonly value: number } | null;

/** One line of the result: a figure and what is asked of it. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: 'x' | 'us' | 'ms' | 'MB' | 's' | 'MB/min' | 'handles' | '%';
  /** What the way of a request may cost (docs/BENCHMARKS.md). */
  readonly atLeast: Bound;
  /** DESIGN section 9. */
  readonly target: Bound;
  /** The figures behind it, for a person. */
  readonly detail: string;
  /** Why it was not measured, in a few words; `value` is NaN then. */
  readonly skipped?: string;
}

function keeps(value: number, bound: Bound): boolean {
  if (!bound) return true;
  return bound.at === 'least' ? value >= bound.value : value <= bound.value;
}

/** Whether nothing that is asked of it was missed; what was not measured has missed nothing. */
export function isMet({ value, atLeast, target, skipped }: Row): boolean {
  return skipped !== undefined || (keeps(value, atLeast) && keeps(value, target));
}

const DIGITS: Record<Row['unit'], number> = {
  '%': 1,
  ...{ x: 2, us: 1, ms: 2, MB: 0, s: 2 },
  ...{ 'MB/min': 2, handles: 0 },
};

const figure = (value: number, unit: Row['unit']): string =>
  `${value.toFixed(DIGITS[unit])}${unit === 'x' ? '' : ' '}${unit}`;

const COLUMNS = ['what', 'measured', 'at least', 'met', 'section 9', 'met', 'figures'];

function boundCells({ value, unit, skipped }: Row, bound: Bound): string[] {
  if (!bound) return ['-', '-'];
  const shown = `${bound.at === 'least' ? '>=' : '<='} ${figure(bound.value, unit)}`;
  return [shown, skipped !== undefined ? '-' : keeps(value, bound) ? 'yes' : 'NO'];
}

function cells(row: Row): string[] {
  const { what, value, unit, atLeast, target, detail, skipped } = row;
  const measured = skipped === undefined ? figure(value, unit) : 'skipped';
  return [what, measured, ...boundCells(row, atLeast), ...boundCells(row, target), skipped ?? detail];
}

/** A table for a terminal. */
export function asText(rows: readonly Row[]): string {
  const lines = [COLUMNS, ...rows.map(cells)];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const shown = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd(),
  );
  shown.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return shown.join('\n');
}

/** The same as a Markdown table. */
export function asMarkdown(rows: readonly Row[]): string {
  const line = (parts: readonly string[]) => `| ${parts.map((part) => part.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(COLUMNS), line(COLUMNS.map(() => '---')), ...rows.map((row) => line(cells(row)))].join('\n');
}

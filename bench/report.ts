/** One line of the result: a figure and, where DESIGN section 9 has one, its target. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: 'x' | 'ms' | 'MB' | 's' | '/s' | 'MB/min' | 'handles';
  /** `null`: for information. */
  readonly target: { readonly at: 'least' | 'most'; readonly value: number } | null;
  /** The figures behind it, for a person. */
  readonly detail: string;
}

export function isMet({ value, target }: Row): boolean {
  if (!target) return true;
  return target.at === 'least' ? value >= target.value : value <= target.value;
}

const DIGITS: Record<Row['unit'], number> = {
  ...{ x: 2, ms: 2, MB: 0, s: 2 },
  ...{ '/s': 0, 'MB/min': 2, handles: 0 },
};

const figure = (value: number, unit: Row['unit']): string =>
  `${value.toFixed(DIGITS[unit])}${unit === 'x' || unit === '/s' ? '' : ' '}${unit}`;

const COLUMNS = ['what', 'measured', 'target', 'met', 'figures'];

function cells(row: Row): string[] {
  const { target } = row;
  return [
    row.what,
    figure(row.value, row.unit),
    target ? `${target.at === 'least' ? '>=' : '<='} ${figure(target.value, row.unit)}` : '-',
    target ? (isMet(row) ? 'yes' : 'NO') : '-',
    row.detail,
  ];
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

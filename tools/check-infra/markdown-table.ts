import { dirname, join } from 'node:path';

export interface Row {
  /** The heading above it. */
  readonly section: string;
  /** From 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

const HEADING = /^#+ (.+)$/;
const RULE = /^\|(?: *:?-+:? *\|)+$/;
const LINK = /\]\(([^)#\s]+)/g;
/** A bar that is text is written \|. */
const BAR = /(?<!\\)\|/;

/** The rows of all tables of a page, without the heads. */
export function tableRows(text: string): Row[] {
  const rows: Row[] = [];
  const lines = text.split('\n');
  let section = '';
  for (const [i, line] of lines.entries()) {
    section = HEADING.exec(line)?.[1] ?? section;
    if (!line.startsWith('|') || RULE.test(line) || RULE.test(lines[i + 1] ?? '')) continue;
    const cells = line.split(BAR).slice(1, -1);
    rows.push({ section, line: i + 1, cells: cells.map((cell) => cell.trim()) });
  }
  return rows;
}

/** Files that a cell links to, below the root. @param page where the cell stands */
export const namedPaths = (cell: string, page: string): string[] =>
  [...cell.matchAll(LINK)]
    .map(([, path = '']) => path)
    .filter((path) => !/^[a-z]+:/.test(path))
    .map((path) => join(dirname(page), path));

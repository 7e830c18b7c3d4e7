import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding, InfraCheck } from './finding.js';
import { GUIDE } from './guide.js';
import { namedPaths, tableRows, type Row } from './markdown-table.js';

export const PAGE = join('docs', 'CHECKLIST.md');
/** Fails when what it holds is gone: a spec, a check of this folder, a test of the alerts. */
const HOLDS = /\.spec\.ts$|^tools\/check-infra\/|^infra\/alerts\/tests\//;

/** What is wrong with the two cells beside a line of the guide. */
function cellProblems(root: string, { cells: [, doneBy = '', heldBy = ''] }: Row): string[] {
  const columns = [
    { name: 'done by', paths: namedPaths(doneBy, PAGE) },
    { name: 'held by', paths: namedPaths(heldBy, PAGE) },
  ];
  const problems = columns.flatMap(({ name, paths }) => [
    ...(paths.length === 0 ? [`"${name}" names no file`] : []),
    ...paths.filter((path) => !existsSync(join(root, path))).map((path) => `${path} does not exist`),
  ]);
  const [, held] = columns;
  if (held!.paths.length > 0 && !held!.paths.some((path) => HOLDS.test(path)))
    problems.push('"held by" names no spec and no check');
  return problems;
}

/** Every line of the guide has its row, and every row names files that exist and something that fails without them. */
export const checklist: InfraCheck = {
  name: 'what the scaling guide asks for',
  run: (root) => {
    const rows = tableRows(readFileSync(join(root, PAGE), 'utf8'));
    const findings: Finding[] = [];
    const tell = (line: number, problem: string, cure: string) => findings.push({ file: PAGE, line, problem, cure });
    for (const [section, lines] of Object.entries(GUIDE)) {
      const written = rows.filter((row) => row.section === section);
      for (const line of lines) {
        const found = written.filter(({ cells }) => cells[0] === line);
        if (found.length !== 1)
          tell(found[1]?.line ?? 1, `${section}: "${line}" stands there ${found.length} times`, 'Write it once.');
      }
    }
    for (const row of rows) {
      const what = row.cells[0] ?? '';
      if (!GUIDE[row.section]?.includes(what))
        tell(row.line, `${row.section}: the guide does not say "${what}"`, "Use the guide's words.");
      for (const problem of cellProblems(root, row)) tell(row.line, `"${what}": ${problem}`, 'Name what does it.');
    }
    return findings;
  },
};

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { checklist, PAGE } from './checklist.js';
import { GUIDE } from './guide.js';
import { namedPaths, tableRows } from './markdown-table.js';

/** The repository, of which docs/ alone is a copy. */
function copyOfDocs(): string {
  const root = mkdtempSync(join(tmpdir(), 'router-checklist-'));
  for (const name of readdirSync('.').filter((one) => one !== 'docs')) symlinkSync(resolve(name), join(root, name));
  cpSync('docs', join(root, 'docs'), { recursive: true });
  return root;
}

describe('docs/CHECKLIST.md', () => {
  const text = readFileSync(PAGE, 'utf8');
  const rows = tableRows(text);
  const lineOf = (what: string) => rows.find(({ cells }) => cells[0] === what)!.line;
  let root: string;
  beforeEach(() => (root = copyOfDocs()));
  afterEach(() => rmSync(root, { recursive: true }));

  /** What is found when one row is another. */
  const foundWith = async (what: string, change: (cells: readonly string[]) => readonly string[] | null) => {
    const lines = text.split('\n');
    const at = lineOf(what) - 1;
    const changed = change(rows.find(({ cells }) => cells[0] === what)!.cells);
    lines.splice(at, 1, ...(changed === null ? [] : [`| ${changed.join(' | ')} |`]));
    writeFileSync(join(root, PAGE), lines.join('\n'));
    return (await checklist.run(root)).map(({ line, problem }) => `${line}: ${problem}`);
  };

  it('answers every line of the guide', async () => {
    expect(await checklist.run('.')).toEqual([]);
    expect(rows).toHaveLength(Object.values(GUIDE).flat().length);
  });

  it('a line that is left out is found', async () => {
    expect(await foundWith('CPU > 70%', () => null)).toEqual(['1: Scale triggers: "CPU > 70%" stands there 0 times']);
  });

  it('a line that the guide does not have is found, and the one that is missing for it', async () => {
    expect(await foundWith('CPU > 70%', ([, ...rest]) => ['CPU > 90%', ...rest])).toEqual([
      '1: Scale triggers: "CPU > 70%" stands there 0 times',
      `${lineOf('CPU > 70%')}: Scale triggers: the guide does not say "CPU > 90%"`,
    ]);
  });

  it.each([
    ['nothing that does it', 1, '', '"done by" names no file'],
    ['words without a file', 1, 'Azure does it', '"done by" names no file'],
    ['nothing that holds it', 2, '', '"held by" names no file'],
    ['a file that is not there', 1, '[a.ts](../src/a.ts)', 'src/a.ts does not exist'],
    ['a spec that is not there', 2, '[a.spec.ts](../src/a.spec.ts)', 'src/a.spec.ts does not exist'],
    ['code that holds itself', 2, '[main.ts](../src/main.ts)', '"held by" names no spec and no check'],
  ])('%s is found', async (_, column, cell, problem) => {
    const what = 'Close connections';
    expect(await foundWith(what, (cells) => cells.map((one, i) => (i === column ? cell : one)))).toEqual([
      `${lineOf(what)}: "${what}": ${problem}`,
    ]);
  });
});

it('rows have the heading above them; heads and rules are none', () => {
  const page = '# A\n\n## B\n\n| x | y |\n| --- | :-: |\n| 1 | a \\| b |\n\nText | no row\n';
  expect(tableRows(page)).toEqual([{ section: 'B', line: 7, cells: ['1', 'a \\| b'] }]);
});

it('files of a cell are those that it links to, without their anchors', () => {
  expect(namedPaths('[a](../a.ts), `b.ts`, [c](C.md#d), [e](https://e.example/f.md)', 'docs/X.md')).toEqual([
    'a.ts',
    'docs/C.md',
  ]);
});

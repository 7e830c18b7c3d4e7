import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gateQuery } from './kql-gate.js';

const FILE = 'infra/gate/samples.kql';
const text = readFileSync(FILE, 'utf8');
const lineOf = (part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;

describe('the query of the gate', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'router-gate-kql-'));
    cpSync('infra/gate', join(root, 'infra/gate'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('passes', async () => {
    expect(await gateQuery.run('.')).toEqual([]);
  });

  it.each([
    ['a column that the table has not', 'AppRoleInstance)', 'RoleInstance)'],
    ['a function that there is not', 'make_list_if(', 'make_list_when('],
    ['a parameter under another name', 'let since =', 'let begin ='],
  ])('%s is found', async (_, from, to) => {
    expect(text).toContain(from);
    writeFileSync(join(root, FILE), text.replaceAll(from, to));
    const findings = await gateQuery.run(root);
    expect(findings[0]).toMatchObject({ file: FILE, line: expect.any(Number) });
  });

  it('a column of its rows that is called otherwise is found where it is made', async () => {
    writeFileSync(join(root, FILE), text.replace(', cost_usd = iff(', ', usd = iff('));
    expect(await gateQuery.run(root)).toEqual([
      expect.objectContaining({ file: FILE, line: lineOf('| project'), problem: expect.stringContaining('cost_usd') }),
    ]);
  });

  it('a parameter that is put nowhere is found', async () => {
    writeFileSync(
      join(root, FILE),
      text.replace('let since = datetime(2026-01-01T00:00:00Z);', 'let since = ago(1h)\n;'),
    );
    expect((await gateQuery.run(root)).map(({ problem }) => problem)).toEqual([
      'infra/gate/samples.kql has no line "let since = ...;"',
    ]);
  });
});

/** The pattern of the query in our own words: what a replica's name says of its revision. */
describe('the revision of a replica', () => {
  const pattern = /extract\(@"([^"]+)"/.exec(text)?.[1] ?? '';

  it.each([
    ['azps-containerapp-1--xdmhk31-7fdbf895c6-rh65t', 'azps-containerapp-1--xdmhk31'],
    ['router--abc-86c8c4b497-zx9bq', 'router--abc'],
    ['router--abc-2-86c8c4b497-zx9bq', 'router--abc-2'],
    ['router--abc', undefined],
  ])('%s: %s', (replica, revision) => {
    expect(new RegExp(pattern).exec(replica)?.[1]).toBe(revision);
  });
});

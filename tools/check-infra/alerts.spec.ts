import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { filesOf, readRules, TESTS, type Rule } from './alert-rules.js';
import { alertRules, alertTests } from './prometheus-rules.js';
import { mutantsOf } from './rule-mutants.js';
import { runbooks } from './runbooks.js';

/** Some tests go through days, minute by minute; they take seconds, on machines that are shared. */
const PATIENCE_MS = 180_000;
/** Of a rule in its file. */
const INDENT = 6;
const alerts = readRules('.').filter(({ kind }) => kind === 'alert');

/** A copy of what is checked, in which something can be planted. */
function copyOfInfra(): { readonly root: string; readonly edit: (file: string, from: string, to: string) => void } {
  const root = mkdtempSync(join(tmpdir(), 'router-infra-'));
  for (const folder of ['infra', 'docs']) cpSync(folder, join(root, folder), { recursive: true });
  const edit = (file: string, from: string, to: string) => {
    const text = readFileSync(join(root, file), 'utf8');
    expect(text).toContain(from);
    writeFileSync(join(root, file), text.replace(from, to));
  };
  return { root, edit };
}

/** The tests of the other files only take time. */
function keepOnly(root: string, name: string): void {
  for (const file of filesOf(root, TESTS, '.yaml')) if (!file.endsWith(`/${name}`)) rmSync(join(root, file));
}

describe('the alerts', () => {
  let copy: ReturnType<typeof copyOfInfra>;
  beforeEach(() => (copy = copyOfInfra()));
  afterEach(() => rmSync(copy.root, { recursive: true }));

  it.each([alertRules, alertTests, runbooks])(
    'pass: $name',
    async ({ run }) => {
      expect(await run('.')).toEqual([]);
    },
    PATIENCE_MS,
  );

  it.each([
    ['an expression that does not parse', 'expr: job:router_cost_usd_per_hour:rate1h > 10', 'expr: rate(x[) > 10'],
    ['a severity that nobody routes', 'severity: info', 'severity: loud'],
    ['an alert without a runbook', 'runbook_url: docs/OPERATIONS.md#routerbudget80', 'note: none'],
    ['two alerts of one name', 'alert: RouterBudget90', 'alert: RouterBudget80'],
  ])('%s is found', async (_, from, to) => {
    copy.edit('infra/alerts/money.yaml', from, to);
    expect(await alertRules.run(copy.root)).toEqual([
      expect.objectContaining({ file: 'infra/alerts/money.yaml', line: expect.any(Number) }),
    ]);
  });

  it('a test that does not come out is found by its line', async () => {
    keepOnly(copy.root, 'stores.test.yaml');
    copy.edit('infra/alerts/stores.yaml', 'router_store_up == 0', 'router_store_up == 1');
    const findings = await alertTests.run(copy.root);
    expect(findings.map(({ problem }) => problem)).toContain(
      '"RouterStoreAway: all there" does not come out as it says',
    );
    const lines = readFileSync(join(TESTS, 'stores.test.yaml'), 'utf8').split('\n');
    const inTests = findings.filter(({ file }) => file.startsWith(TESTS));
    expect(inTests.length).toBeGreaterThan(1);
    for (const { line } of inTests) expect(lines[line - 1]).toContain('name: ');
  });

  it('an alert without a test is found', async () => {
    keepOnly(copy.root, 'stores.test.yaml');
    copy.edit('infra/alerts/stores.yaml', 'alert: RouterStoreAway', 'alert: RouterStoreGone');
    expect((await alertTests.run(copy.root)).map(({ problem }) => problem)).toContain(
      'RouterStoreGone: no test sees it both fire and be silent',
    );
  });

  it('an alert without a section, and a section without an alert, are found', async () => {
    copy.edit('docs/OPERATIONS.md', '### RouterStoreAway\n', '### RouterStoreGone\n');
    expect((await runbooks.run(copy.root)).map(({ file, problem }) => [file, problem])).toEqual([
      ['infra/alerts/stores.yaml', 'RouterStoreAway: docs/OPERATIONS.md has no such section'],
      ['docs/OPERATIONS.md', 'there is no alert RouterStoreGone'],
    ]);
  });
});

/** Whether tests pass against rules, in a folder of their own. */
function testsPass(folder: string, tests: object, rules: readonly object[]): Promise<boolean> {
  mkdirSync(folder);
  const file = join(folder, 'tests.yaml');
  writeFileSync(file, stringify({ ...tests, rule_files: ['rules.yaml'] }));
  writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'mutant', rules }] }));
  return new Promise((settle, reject) => {
    const child = spawn('promtool', ['test', 'rules', file], { stdio: 'ignore' });
    child.once('error', reject).once('exit', (code) => settle(code === 0));
  });
}

interface RuleTests {
  readonly tests: readonly { readonly name: string }[];
}

/** The tests of an alert, as promtool reads them. */
function testsOf({ name }: Rule): RuleTests {
  const files = filesOf('.', TESTS, '.yaml').map((path) => parse(readFileSync(path, 'utf8')) as RuleTests);
  const own = files
    .map((all) => ({ ...all, tests: all.tests.filter((one) => one.name.startsWith(`${name}:`)) }))
    .filter(({ tests }) => tests.length > 0);
  if (own.length !== 1 || !own[0]) throw new Error(`${name}: ${own.length} files have tests of it`);
  return own[0];
}

/** The recording rules that an expression is made of; the others would only take time. */
function recordsFor(expr: string): object[] {
  const records = readRules('.').filter(({ kind }) => kind === 'record');
  const needed = records.filter(({ name }) => expr.includes(name));
  const all = records.filter(({ name }) => [expr, ...needed.map((rule) => rule.expr)].some((e) => e.includes(name)));
  return all.map((rule) => ({ record: rule.name, expr: rule.expr }));
}

describe('a rule whose bound or patience is another one fails its tests', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'router-rules-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(alerts)(
    '$name',
    async (alert) => {
      const text = readFileSync(alert.file, 'utf8');
      const begin = text.indexOf(`- alert: ${alert.name}\n`);
      const end = text.indexOf('- alert: ', begin + 1);
      const own = ' '.repeat(INDENT) + text.slice(begin, end < 0 ? undefined : end);
      const tests = testsOf(alert);
      const records = recordsFor(alert.expr);
      const survivors: string[] = [];
      for (const [i, mutant] of [{ what: 'nothing changed', text: own }, ...mutantsOf(own)].entries()) {
        const [rule] = parse(mutant.text) as object[];
        if (await testsPass(join(folder, `${alert.name}-${i}`), tests, [...records, rule!]))
          survivors.push(mutant.what);
      }
      expect(survivors).toEqual(['nothing changed']);
    },
    PATIENCE_MS,
  );
});

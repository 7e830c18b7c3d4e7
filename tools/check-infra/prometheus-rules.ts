import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { ALERTS, filesOf, readRules, TESTS, type Rule } from './alert-rules.js';
import { lineAt, type Finding, type InfraCheck } from './finding.js';

const SEVERITIES = ['critical', 'warning', 'info'];

/** Runs promtool, which the set-up has put on PATH, in the root. */
function promtool(root: string, ...args: string[]): { readonly passed: boolean; readonly output: string } {
  const { error, status, stdout, stderr } = spawnSync('promtool', args, { cwd: root, encoding: 'utf8' });
  if (error) throw new Error('promtool cannot be run: node tools/promtool.mjs fetches it', { cause: error });
  return { passed: status === 0, output: `${stdout}${stderr}` };
}

/** `infra/alerts/x.yaml: 5:15: group ...`, or a sentence with the name of the rule in quotes. */
function syntaxFindings(root: string, file: string): Finding[] {
  const { passed, output } = promtool(root, 'check', 'rules', '--lint=all', file);
  if (passed) return [];
  const problem = output.replace(/^Checking .*$|FAILED:/gm, '').trim();
  const named = /rule \d+, "([^"]+)"/.exec(problem)?.[1];
  const text = readFileSync(join(root, file), 'utf8');
  const line = Number(/(?:^|\s|:)(\d+):\d+:/.exec(problem)?.[1] ?? /line (\d+)/.exec(problem)?.[1] ?? 0);
  return [
    {
      file,
      line: line || lineAt(text, named === undefined ? 0 : text.indexOf(named)),
      problem,
      cure: 'Mend the rule; promtool check rules says what it expects.',
    },
  ];
}

/** What promtool does not ask of an alert. */
function wordFindings({ file, line, name, severity, annotations }: Rule): Finding[] {
  const at = (problem: string, cure: string): Finding => ({ file, line, problem: `${name}: ${problem}`, cure });
  const missing = ['summary', 'description', 'runbook_url']
    .filter((key) => !annotations.get(key))
    .map((key) => at(`has no annotation ${key}`, 'The one who is woken reads it: write one.'));
  return SEVERITIES.includes(severity ?? '')
    ? missing
    : [...missing, at(`severity is ${severity}`, `It is one of ${SEVERITIES.join(', ')}.`)];
}

export const alertRules: InfraCheck = {
  name: 'Prometheus rules',
  run: (root) => {
    const findings = filesOf(root, ALERTS, '.yaml').flatMap((file) => syntaxFindings(root, file));
    if (findings.length > 0) return findings;
    const alerts = readRules(root).filter(({ kind }) => kind === 'alert');
    const twice = alerts.filter(({ name }, i) => alerts.findIndex((other) => other.name === name) !== i);
    return [
      ...alerts.flatMap(wordFindings),
      ...twice.map(({ file, line, name }) => ({
        file,
        line,
        problem: `${name}: there is another alert of this name`,
        cure: 'Give it a name of its own.',
      })),
    ];
  },
};

interface RuleTests {
  readonly tests?: readonly {
    readonly alert_rule_test?: readonly { readonly alertname?: string; readonly exp_alerts?: readonly unknown[] }[];
  }[];
}

/** How often an alert is expected to fire, and not to. */
function expectations(root: string): Map<string, { fires: number; silent: number }> {
  const counts = new Map<string, { fires: number; silent: number }>();
  for (const file of filesOf(root, TESTS, '.yaml')) {
    const { tests = [] } = parse(readFileSync(join(root, file), 'utf8')) as RuleTests;
    for (const { alertname = '', exp_alerts = [] } of tests.flatMap(({ alert_rule_test = [] }) => alert_rule_test)) {
      const count = counts.get(alertname) ?? { fires: 0, silent: 0 };
      if (exp_alerts.length > 0) count.fires += 1;
      else count.silent += 1;
      counts.set(alertname, count);
    }
  }
  return counts;
}

function untested(root: string): Finding[] {
  const counts = expectations(root);
  return readRules(root)
    .filter(({ kind, name }) => kind === 'alert' && !(counts.get(name)?.fires && counts.get(name)?.silent))
    .map(({ file, line, name }) => ({
      file,
      line,
      problem: `${name}: no test sees it both fire and be silent`,
      cure: `Add cases to ${join(TESTS, basename(file, '.yaml'))}.test.yaml.`,
    }));
}

/** One test file; the lines of the tests that failed. */
function failedTests(root: string, file: string): Finding[] {
  const { passed, output } = promtool(root, 'test', 'rules', file);
  if (passed) return [];
  const text = readFileSync(join(root, file), 'utf8');
  const names = new Set([...output.matchAll(/^ +name: (.*),$/gm)].map(([, name = '']) => name));
  const cure = `Look at the difference: promtool test rules ${file}`;
  if (names.size === 0) return [{ file, line: 1, problem: output.trim(), cure }];
  return [...names].map((name) => ({
    file,
    line: lineAt(text, text.indexOf(name.replaceAll("'", "''"))),
    problem: `"${name}" does not come out as it says`,
    cure,
  }));
}

export const alertTests: InfraCheck = {
  name: 'Prometheus rule tests',
  run: (root) => [...untested(root), ...filesOf(root, TESTS, '.yaml').flatMap((file) => failedTests(root, file))],
};

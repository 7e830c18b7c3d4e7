import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf } from './alert-rules.js';
import { lineAt, type Finding, type InfraCheck } from './finding.js';
import { readPromql } from './promql.js';

export const DASHBOARDS = join('infra', 'dashboards');
/** Grafana 12 and 13 read it as it is. */
const SCHEMA_VERSION = 42;
const VARIABLES = ['datasource', 'job', 'replica', 'model', 'target'];

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly min?: number; readonly max?: number };
  };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export interface Dashboard {
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr?: string }[] };
  readonly panels: readonly Panel[];
}

/** What Grafana puts in: variables that are regular expressions, a range that suits the resolution. */
export function withoutVariables(expr: string, values: Readonly<Record<string, string>> = {}): string {
  return expr
    .replaceAll('$__rate_interval', values['__rate_interval'] ?? '1m')
    .replaceAll(/\$(job|replica|model|target)\b/g, (_, name: string) => values[name] ?? '.*');
}

export const readDashboard = (root: string, file: string): Dashboard =>
  JSON.parse(readFileSync(join(root, file), 'utf8')) as Dashboard;

/** The queries of panels and annotations, as they stand there. */
export const queriesOf = ({ panels, annotations }: Dashboard): string[] => [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...annotations.list.flatMap(({ expr }) => (expr === undefined ? [] : [expr])),
];

function* problemsOf(dashboard: Dashboard): Generator<readonly [near: string, problem: string, cure: string]> {
  const { schemaVersion, templating, panels } = dashboard;
  if (schemaVersion !== SCHEMA_VERSION)
    yield [
      'schemaVersion',
      `schemaVersion is ${schemaVersion}`,
      `Save it with a Grafana of version ${SCHEMA_VERSION}.`,
    ];
  for (const name of VARIABLES)
    if (!templating.list.some((variable) => variable.name === name))
      yield ['templating', `there is no variable ${name}`, 'Add it: panels ask for it.'];
  for (const expr of queriesOf(dashboard)) {
    const query = withoutVariables(expr);
    if (query.includes('$')) yield [expr, `a variable that there is not: ${expr}`, `Use ${VARIABLES.join(', ')}.`];
    else if (readPromql(query).errorAt !== null) yield [expr, `does not parse: ${expr}`, 'Mend the query.'];
  }
  for (const [i, { id, type, title, description, targets = [], fieldConfig, gridPos }] of panels.entries()) {
    const near = `"title": ${JSON.stringify(title)}`;
    if (panels.findIndex((other) => other.id === id) !== i)
      yield [near, `${title}: another panel has its id ${id}`, 'Give it one of its own.'];
    if (gridPos.x + gridPos.w > 24) yield [near, `${title}: is wider than the page`, 'x + w is 24 at most.'];
    if (type === 'row') continue;
    if (targets.length === 0) yield [near, `${title}: asks for nothing`, 'Add a query.'];
    if (!description) yield [near, `${title}: has no description`, 'Say what it shows.'];
    if (!fieldConfig?.defaults.unit) yield [near, `${title}: has no unit`, 'Set fieldConfig.defaults.unit.'];
    if (targets.some(({ legendFormat }) => legendFormat === ''))
      yield [near, `${title}: a line has no name`, 'Set legendFormat.'];
  }
}

export const dashboards: InfraCheck = {
  name: 'Grafana dashboards',
  run: (root) =>
    filesOf(root, DASHBOARDS, '.json').flatMap((file): Finding[] => {
      const text = readFileSync(join(root, file), 'utf8');
      try {
        const found = [...problemsOf(JSON.parse(text) as Dashboard)];
        return found.map(([near, problem, cure]) => {
          const offset = Math.max(text.indexOf(near), text.indexOf(JSON.stringify(near).slice(1, -1)));
          return { file, line: lineAt(text, offset), problem, cure };
        });
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        return [{ file, line: 1, problem: error.message, cure: 'It is to be JSON.' }];
      }
    }),
};

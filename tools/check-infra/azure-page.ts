import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding, InfraCheck } from './finding.js';
import { tableRows, type Row } from './markdown-table.js';

export const PAGE = join('docs', 'AZURE.md');
export const SECTION = 'Variables and parameters';
const TEMPLATE = join('infra', 'main.bicep');
const PARAMETER = /^param (\w+) /gm;
/** `param name = value` or `var name = value`, until the next one. */
const STATEMENT = /^(?:param|var) (\w+) = ([^]*?)(?=^(?:param|var|using|extends|\/\/) ?|(?![^]))/gm;
const READ = /readEnvironmentVariable\(\s*'(\w+)'/g;
const NAME = /^`(\w+)`$/;

/** Variables of azd by the parameter that they become, as infra/*.bicepparam has them; a `var` may stand between. */
function variablesByParameter(root: string): Map<string, Set<string>> {
  const files = readdirSync(join(root, 'infra')).filter((name) => name.endsWith('.bicepparam'));
  const found = new Map<string, Set<string>>();
  for (const file of files) {
    const values = new Map<string, string>();
    for (const [, name = '', value = ''] of readFileSync(join(root, 'infra', file), 'utf8').matchAll(STATEMENT)) {
      const whole = value.replace(/\b[a-z]\w*\b/g, (word) => values.get(word) ?? word);
      values.set(name, whole);
      for (const [, variable = ''] of whole.matchAll(READ))
        found.set(name, (found.get(name) ?? new Set()).add(variable));
    }
  }
  return found;
}

const nameIn = (cell = ''): string => NAME.exec(cell)?.[1] ?? '';

function rowProblem({ cells }: Row, variables: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  const [parameter, variable, meaning, standard] = cells;
  const expected = [...(variables.get(nameIn(parameter)) ?? [])];
  if (expected.join() !== nameIn(variable))
    return `${nameIn(parameter)} comes from ${expected.join(', ') || 'no variable'}, not from ${variable}`;
  return !meaning || !standard ? `${nameIn(parameter)} has no meaning or no default` : undefined;
}

/** The table of docs/AZURE.md has every parameter of the template, with the variable that it is read from, and no other. */
export const azurePage: InfraCheck = {
  name: 'variables of docs/AZURE.md',
  run: (root) => {
    const rows = tableRows(readFileSync(join(root, PAGE), 'utf8')).filter(({ section }) => section === SECTION);
    const template = readFileSync(join(root, TEMPLATE), 'utf8');
    const parameters = [...template.matchAll(PARAMETER)].map(([, name = '']) => name);
    const variables = variablesByParameter(root);
    const findings: Finding[] = [];
    for (const parameter of parameters) {
      const found = rows.filter(({ cells }) => nameIn(cells[0]) === parameter);
      if (found.length !== 1)
        findings.push({
          file: PAGE,
          line: found[1]?.line ?? 1,
          problem: `"${SECTION}" has the parameter ${parameter} ${found.length} times`,
          cure: 'One row: parameter, variable, meaning, default.',
        });
    }
    for (const row of rows) {
      const known = parameters.includes(nameIn(row.cells[0]));
      const problem = known ? rowProblem(row, variables) : `${TEMPLATE} has no parameter ${row.cells[0]}`;
      if (problem) findings.push({ file: PAGE, line: row.line, problem, cure: 'Say what the template does.' });
    }
    return findings;
  },
};

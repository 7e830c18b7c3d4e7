import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineAt, type Finding, type InfraCheck } from './finding.js';
import { kustoProblems } from './kusto.js';

export const WORKBOOK = join('infra', 'workbook.json');

interface Parameter {
  readonly name: string;
  readonly query?: string;
}

interface Item {
  readonly type: number;
  readonly name: string;
  readonly content: { readonly query?: string; readonly title?: string; readonly parameters?: readonly Parameter[] };
}

/** What the workbook puts in for its parameters. */
const withoutParameters = (query: string): string =>
  query
    .replaceAll('TimeGenerated {TimeRange}', 'TimeGenerated > ago(1h)')
    .replaceAll('{TimeRange:grain}', '5m')
    .replaceAll('{Fleet}', 'hybrid-llm-router');

export const workbookQueries = (text: string): string[] => {
  const { items } = JSON.parse(text) as { readonly items: readonly Item[] };
  return items.flatMap(({ content: { query, parameters = [] } }) =>
    [query, ...parameters.map((parameter) => parameter.query)].filter((one) => one !== undefined),
  );
};

/** The Azure Monitor workbook: its queries, and that nothing has the name of something else. */
export const workbook: InfraCheck = {
  name: 'Azure workbook',
  run: (root) => {
    const text = readFileSync(join(root, WORKBOOK), 'utf8');
    const at = (near: string, problem: string, cure: string): Finding => {
      return { file: WORKBOOK, line: lineAt(text, text.indexOf(JSON.stringify(near))), problem, cure };
    };
    try {
      const { items } = JSON.parse(text) as { readonly items: readonly Item[] };
      const twice = items.filter(({ name }, i) => items.findIndex((other) => other.name === name) !== i);
      const queries = workbookQueries(text).flatMap((query) =>
        kustoProblems(withoutParameters(query)).map(({ message }) =>
          at(query, message, 'Tables and columns are those of tools/check-infra/kusto-tables.ts.'),
        ),
      );
      return [...twice.map(({ name }) => at(name, `another item is called ${name}`, 'Rename one.')), ...queries];
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return [{ file: WORKBOOK, line: 1, problem: error.message, cure: 'It is to be JSON.' }];
    }
  },
};

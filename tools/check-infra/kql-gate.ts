import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GATE_QUERY, queryFor } from '../gate/query.js';
import { lineAt, type Finding, type InfraCheck } from './finding.js';
import { kustoProblems } from './kusto.js';

/** What tools/gate/rows.ts reads. */
const COLUMNS = ['revision', 'at', 'requests', 'errors', 'p95_ms', 'cost_usd', 'refused'];
const COMPARED = { old: 'router--a', new: 'router--b', since: 0 };

function findingsOf(text: string): Finding[] {
  const finding = (near: string, problem: string, cure: string): Finding => {
    return { file: GATE_QUERY, line: lineAt(text, text.indexOf(near)), problem, cure };
  };
  const known = 'Tables and columns are those of tools/check-infra/kusto-tables.ts.';
  const problems = kustoProblems(text).map(({ message, offset }) => {
    return { file: GATE_QUERY, line: lineAt(text, offset), problem: message, cure: known };
  });
  if (problems.length > 0) return problems;
  // whatever stands between must still be a query that has these columns when its parameters are in
  let asked: string;
  try {
    asked = queryFor(COMPARED, text);
  } catch (error) {
    return [finding('let ', (error as Error).message, 'npm run gate -- --query puts its parameters in there.')];
  }
  const columns = kustoProblems(`${asked} | project ${COLUMNS.join(', ')}`);
  return columns.map(({ message }) => finding('| project', message, `Its rows have ${COLUMNS.join(', ')}.`));
}

/** The query of the canary gate: as it stands, and as it is asked. */
export const gateQuery: InfraCheck = {
  name: 'query of the gate',
  run: (root) => findingsOf(readFileSync(join(root, GATE_QUERY), 'utf8')),
};

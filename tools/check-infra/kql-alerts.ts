import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ALERTS, filesOf, readRules } from './alert-rules.js';
import { lineAt, type Finding, type InfraCheck } from './finding.js';
import { kustoProblems } from './kusto.js';

/** The platform restarts a replica that does not answer, and scales others in: it looks the same from the workspace. */
const ONLY_PROMETHEUS = new Set(['RouterReplicaDown']);
/** `// severity: warning; every: PT5M; window: PT15M; failing periods: 1 of 1; fires when a row comes back` */
const HEADER =
  /^\/\/ .+\n\/\/ severity: (\w+); every: (PT\d+[MH]); window: (PT\d+[MH]|P2D); failing periods: [1-6] of [1-6]; fires when a row comes back\n/;

function findingsOf(root: string, file: string, severities: ReadonlyMap<string, string | null>): Finding[] {
  const text = readFileSync(join(root, file), 'utf8');
  const name = basename(file, '.kql');
  const severity = HEADER.exec(text)?.[1];
  const findings: Finding[] = kustoProblems(text).map(({ message, offset }) => ({
    file,
    line: lineAt(text, offset),
    problem: message,
    cure: 'Tables and columns are those of tools/check-infra/kusto-tables.ts.',
  }));
  if (!severities.has(name))
    findings.push({ file, line: 1, problem: `no Prometheus alert ${name}`, cure: 'Name the file after its alert.' });
  else if (severity !== severities.get(name))
    findings.push({
      file,
      line: 2,
      problem: 'the line that says how often it is asked is missing, or has another severity than the Prometheus alert',
      cure: `// severity: ${severities.get(name)}; every: PT5M; window: PT5M; failing periods: 1 of 1; fires when a row comes back`,
    });
  return findings;
}

/** The alerts as queries for Azure Monitor, one a file, named after the alert. */
export const kqlAlerts: InfraCheck = {
  name: 'KQL alerts',
  run: (root) => {
    const alerts = readRules(root).filter(({ kind }) => kind === 'alert');
    const severities = new Map(alerts.map(({ name, severity }) => [name, severity]));
    const missing = alerts.filter(
      ({ name }) => !ONLY_PROMETHEUS.has(name) && !existsSync(join(root, ALERTS, `${name}.kql`)),
    );
    return [
      ...filesOf(root, ALERTS, '.kql').flatMap((file) => findingsOf(root, file, severities)),
      ...missing.map(({ file, line, name }) => ({
        file,
        line,
        problem: `${name}: there is no query for Azure Monitor`,
        cure: `Write ${join(ALERTS, `${name}.kql`)}`,
      })),
    ];
  },
};

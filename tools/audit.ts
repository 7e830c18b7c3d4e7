// node tools/audit.ts: known vulnerabilities of what runs in production, by `npm audit`. A step of `npm run check`; Node 24
// runs this file as it is, so it imports nothing of the repository and uses no syntax that has to be compiled.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const LIMIT_MS = 10_000;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const GHSA = /GHSA-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}/i;

/** An advisory that is known and lived with for a while; an entry of tools/audit-allow.json. */
export interface Allowed {
  /** `GHSA-...` */
  readonly id: string;
  readonly package: string;
  /** The last day, `YYYY-MM-DD` in UTC. */
  readonly until: string;
  /** Why it does no harm here, or what is waited for. */
  readonly reason: string;
}

/** What is to be said, and whether the step fails. */
export interface Verdict {
  readonly passed: boolean;
  readonly lines: readonly string[];
}

interface Advisory {
  readonly id: string;
  readonly package: string;
  readonly severity: string;
  readonly title: string;
}

/** What the registry said; `null` where it could not be asked, with the cause. */
type Report = { readonly advisories: readonly Advisory[]; readonly count: number };

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fieldsIn = (value: unknown): Fields => (isFields(value) ? value : {});
const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * What `npm audit --json` printed means for the dependencies of production.
 *
 * @param output its standard output; empty where it ended without a word
 * @param allowed content of tools/audit-allow.json
 * @param today `YYYY-MM-DD`
 * @param isRequired whether not having been able to ask fails too
 */
export function auditVerdict(output: string, allowed: unknown, today: string, isRequired: boolean): Verdict {
  const { entries, problems } = readAllowed(allowed, today);
  const report = readReport(output);
  if (typeof report === 'string') {
    const line = `NOT CHECKED for known vulnerabilities: ${report}`;
    const lines = isRequired ? [line, 'CI_REQUIRE_AUDIT=1 asks for it; use a registry that has advisories'] : [line];
    return { passed: !isRequired && problems.length === 0, lines: [...lines, ...problems] };
  }
  const matches = (entry: Allowed, { id, package: name }: Advisory): boolean =>
    entry.id.toLowerCase() === id.toLowerCase() && entry.package === name;
  const open = report.advisories.filter((advisory) => !entries.some((entry) => matches(entry, advisory)));
  const idle = entries.filter((entry) => !report.advisories.some((advisory) => matches(entry, advisory)));
  const known = report.advisories.length - open.length;
  return {
    passed: open.length === 0 && problems.length === 0,
    lines: [
      `${report.count} production dependencies: ${open.length} open advisories, ${known} allowed`,
      ...open.map(({ id, package: name, severity, title }) => `${name}: ${severity}, ${id}: ${title}`),
      ...problems,
      ...idle.map(({ id, package: name }) => `tools/audit-allow.json: ${id} of ${name} is gone; take the entry out`),
    ],
  };
}

/** Entries that count today, and what is wrong with the others. */
function readAllowed(allowed: unknown, today: string): { entries: Allowed[]; problems: string[] } {
  const entries: Allowed[] = [];
  const problems: string[] = [];
  if (!Array.isArray(allowed)) return { entries, problems: ['tools/audit-allow.json: expected a list'] };
  for (const [i, entry] of allowed.entries()) {
    const { id, package: name, until, reason } = fieldsIn(entry);
    const [ghsa] = GHSA.exec(textIn(id)) ?? [];
    const isWhole = ghsa === id && textIn(name) !== '' && isDate(until) && textIn(reason).trim() !== '';
    if (!isWhole)
      problems.push(`tools/audit-allow.json: entry ${i + 1} needs id (GHSA-...), package, until (YYYY-MM-DD), reason`);
    else if ((until as string) < today)
      problems.push(`tools/audit-allow.json: ${String(id)} of ${String(name)} was allowed until ${String(until)}`);
    else entries.push(entry as Allowed);
  }
  return { entries, problems };
}

const isDate = (text: unknown): boolean =>
  typeof text === 'string' && DATE.test(text) && new Date(text).toJSON()?.slice(0, 10) === text;

/** @returns why there is none, in a few words */
function readReport(output: string): Report | string {
  let json: unknown;
  try {
    json = JSON.parse(output);
  } catch {
    return output.trim() === '' ? `npm audit gave no answer within ${LIMIT_MS / 1000} s` : 'npm audit printed no JSON';
  }
  const { auditReportVersion, vulnerabilities, metadata, message, error, statusCode } = fieldsIn(json);
  if (auditReportVersion !== 2 || !isFields(vulnerabilities)) {
    const said = saidIn(message, error) || (typeof statusCode === 'number' ? String(statusCode) : '');
    return said ? `the registry has no answer (${said})` : 'npm audit printed a report of another form';
  }
  const { vulnerabilities: counts, dependencies } = fieldsIn(metadata);
  const found = Object.values(vulnerabilities).flatMap(advisoriesOf);
  const advisories = [...new Map(found.map((one) => [`${one.id} ${one.package}`, one])).values()];
  const total = Number(fieldsIn(counts)['total'] ?? Object.keys(vulnerabilities).length);
  // numbers without names are no all-clear
  if (advisories.length === 0 && total > 0) advisories.push(UNREADABLE);
  const count = Number(fieldsIn(dependencies)['prod'] ?? 0);
  if (advisories.length > 0) return { advisories, count };
  // nothing found is an all-clear only where something was looked at
  if (error !== undefined) return `the report holds an error (${saidIn(message, error) || 'without a word'})`;
  return count > 0 ? { advisories, count } : 'the report is of no dependency at all';
}

/** The first line of what a registry or npm says of itself. */
function saidIn(message: unknown, error: unknown): string {
  const { code, summary } = fieldsIn(error);
  return (textIn(message) || textIn(summary) || textIn(code)).split('\n')[0] ?? '';
}

const UNREADABLE: Advisory = {
  ...{ id: 'unknown', package: 'unknown', severity: 'unknown' },
  title: 'npm audit counts vulnerabilities that it does not name; run npm audit --omit=dev',
};

/** `via` names the advisory, or only the package through which another one has come. */
function advisoriesOf(vulnerability: unknown): Advisory[] {
  const { via } = fieldsIn(vulnerability);
  const causes: unknown[] = Array.isArray(via) ? via : [];
  return causes.filter(isFields).map(({ url, source, name, dependency, severity, title }) => ({
    id: GHSA.exec(textIn(url))?.[0] ?? String(source),
    package: textIn(dependency) || textIn(name),
    severity: textIn(severity) || 'unknown',
    title: textIn(title),
  }));
}

/** Standard output of `npm audit`; what came of it where the time was over. */
function npmAudit(): Promise<string> {
  const script = process.env['npm_execpath'] ?? '';
  const isScript = basename(script).startsWith('npm-cli');
  const windows = process.platform === 'win32';
  const command = isScript ? process.execPath : windows ? 'npm.cmd' : 'npm';
  const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0', `--fetch-timeout=${LIMIT_MS - 1_000}`];
  return new Promise((settle) => {
    const child = spawn(command, isScript ? [script, ...args] : args, {
      ...{ cwd: root, timeout: LIMIT_MS, killSignal: 'SIGKILL', shell: windows && !isScript },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (output += piece));
    child.once('error', ({ message }) => settle(JSON.stringify({ message })));
    child.once('close', (_code, signal) => settle(signal ? '' : output));
  });
}

if (import.meta.main) {
  const allowed: unknown = JSON.parse(readFileSync(join(root, 'tools', 'audit-allow.json'), 'utf8'));
  const today = new Date().toISOString().slice(0, 10);
  const { passed, lines } = auditVerdict(await npmAudit(), allowed, today, process.env['CI_REQUIRE_AUDIT'] === '1');
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = passed ? 0 : 1;
}

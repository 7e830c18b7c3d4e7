import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRules } from './alert-rules.js';
import type { Finding, InfraCheck } from './finding.js';

const PAGE = 'docs/OPERATIONS.md';
/** A heading that is the name of an alert and nothing else. */
const ALERT_HEADING = /^#+ (Router[A-Z]\w+)$/;

/** Each alert leads to a section of the page that says what to do, and each such section has its alert. */
export const runbooks: InfraCheck = {
  name: 'what to do about each alert',
  run: (root) => {
    const lines = readFileSync(join(root, PAGE), 'utf8').split('\n');
    const sections = new Map(
      lines.flatMap((text, i) => {
        const name = ALERT_HEADING.exec(text)?.[1];
        return name === undefined ? [] : [[name, i + 1] as const];
      }),
    );
    const alerts = readRules(root).filter(({ kind }) => kind === 'alert');
    const findings: Finding[] = [];
    for (const { file, line, name, annotations } of alerts) {
      const url = `${PAGE}#${name.toLowerCase()}`;
      if (annotations.get('runbook_url') !== url)
        findings.push({ file, line, problem: `${name}: its runbook_url leads elsewhere`, cure: `Write ${url}` });
      if (!sections.has(name))
        findings.push({
          file,
          line,
          problem: `${name}: ${PAGE} has no such section`,
          cure: `Add "### ${name}" there.`,
        });
    }
    for (const [name, line] of sections)
      if (!alerts.some((alert) => alert.name === name))
        findings.push({ file: PAGE, line, problem: `there is no alert ${name}`, cure: 'Remove the section.' });
    return findings;
  },
};

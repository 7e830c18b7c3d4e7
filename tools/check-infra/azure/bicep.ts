import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding, InfraCheck } from '../finding.js';
import { APP_RULES } from './app-rules.js';
import { CONFIGURATION_RULES } from './configuration-rules.js';
import { DATA_RULES } from './data-rules.js';
import { compile, deploymentOf, SCENARIOS, type Deployment, type Template } from './deployment.js';
import { EDGE_RULES } from './edge-rules.js';
import { findBicep } from './find-bicep.js';
import { NETWORK_RULES } from './network-rules.js';
import type { Rule } from './rule.js';
import { TEMPLATE_RULES, WATCH_RULES } from './watch-rules.js';

export const RULES: readonly Rule[] = [
  ...[...APP_RULES, ...CONFIGURATION_RULES, ...DATA_RULES],
  ...[...EDGE_RULES, ...NETWORK_RULES, ...WATCH_RULES],
];
const MAIN = 'infra/main.bicep';
/** Compilers that run at once: each takes a core. */
const AT_ONCE = 2;

/** Where a resource of a type is written: the module and the line, else the one of what it belongs to. */
function placeOf(root: string, type: string): Pick<Finding, 'file' | 'line'> {
  const modules = readdirSync(join(root, 'infra', 'modules')).map((name) => `infra/modules/${name}`);
  for (const file of [MAIN, ...modules]) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n');
    const line = lines.findIndex((text) => text.includes(`'${type}@`) && !text.includes(' existing'));
    if (line >= 0) return { file, line: line + 1 };
  }
  const parent = type.slice(0, type.lastIndexOf('/'));
  return parent.includes('/') ? placeOf(root, parent) : { file: MAIN, line: 1 };
}

/** What is wrong with a deployment, each sentence once for all that break it. */
export const ruleFindings = (root: string, deployments: readonly Deployment[], template: Template): Finding[] =>
  RULES.flatMap((rule) => {
    const where = deployments.filter((deployment) => rule.in?.(deployment) ?? true);
    const broken = where.flatMap((deployment) =>
      rule.broken(deployment, template).map((what) => `${what} (${deployment.name})`),
    );
    if (broken.length === 0) return [];
    return [
      { ...placeOf(root, rule.type), problem: `not so: ${rule.says}`, cure: `Look at ${broken.sort().join(', ')}` },
    ];
  });

const templateFindings = (template: Template): Finding[] =>
  TEMPLATE_RULES.flatMap(({ says, broken }) => {
    const found = broken(template);
    return found.length === 0
      ? []
      : [{ file: MAIN, line: 1, problem: `not so: ${says}`, cure: `Look at ${found.join(', ')}` }];
  });

/** Compiles everything, works out what each deployment would make, and holds it to the rules. */
export async function bicepFindings(bicep: readonly string[], root: string): Promise<Finding[]> {
  const { findings, template } = await compile(bicep, root);
  if (template === null || findings.length > 0) return findings;
  const deployments: Deployment[] = [];
  const waiting = [...SCENARIOS];
  const worker = async (): Promise<void> => {
    for (let scenario = waiting.shift(); scenario; scenario = waiting.shift()) {
      const made = await deploymentOf(bicep, root, scenario);
      findings.push(...made.findings);
      if (made.deployment !== null) deployments.push(made.deployment);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const unique = new Map(findings.map((finding) => [JSON.stringify(finding), finding]));
  return [...unique.values(), ...templateFindings(template), ...ruleFindings(root, deployments, template)];
}

/** The Bicep, compiled by the real compiler. Where there is none, the command says so and goes on. */
export const bicepTemplates: InfraCheck = {
  name: 'Bicep',
  missing: () =>
    findBicep() === null
      ? 'not compiled here: there is no Bicep compiler. Install bicep, the Azure CLI (az bicep install) or the .NET SDK.'
      : null,
  run: (root) => {
    const bicep = findBicep();
    if (bicep === null) throw new Error('there is no Bicep compiler; ask missing() first');
    return bicepFindings(bicep, root);
  },
};

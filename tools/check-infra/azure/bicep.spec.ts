import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../finding.js';
import { bicepFindings, RULES } from './bicep.js';
import { copyOfInfra, SCENARIOS } from './deployment.js';
import { findBicep } from './find-bicep.js';
import { DEFECTS, OTHER_DEFECTS, type Defect } from './planted-defects.js';
import { TEMPLATE_RULES } from './watch-rules.js';

/** Eight compilations, on machines that are shared. */
const PATIENCE_MS = 240_000;
const bicep = findBicep() ?? [];
if (bicep.length === 0) process.stderr.write('SKIPPED: the Bicep is not compiled here: there is no compiler.\n');
const described = bicep.length > 0 ? describe : describe.skip;

/** Puts defects into a copy; each of them must be there to be replaced. */
function copyWith(defects: readonly Defect[]): string {
  const copy = copyOfInfra('.');
  for (const [rule, file, from, to] of defects) {
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${rule}: ${file} has no "${from}"`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }
  return copy;
}

/** What the check finds in a copy. */
async function found(defects: readonly Defect[]): Promise<Finding[]> {
  const copy = copyWith(defects);
  try {
    return await bicepFindings(bicep, copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

described('the Bicep', () => {
  it(
    'compiles without a warning and is as the rules say',
    async () => {
      expect(await bicepFindings(bicep, process.cwd())).toEqual([]);
    },
    PATIENCE_MS,
  );

  it.each([
    [
      'a parameter that nobody uses',
      'infra/modules/workbook.bicep',
      'param name string',
      'param unused string\nparam name string',
      'no-unused-params',
    ],
    [
      'a property that does not exist',
      'infra/modules/budget.bicep',
      "timeGrain: 'Monthly'",
      "timeGrane: 'Monthly'",
      'timeGrane',
    ],
    [
      'a module that is not there',
      'infra/main.bicep',
      "'modules/budget.bicep'",
      "'modules/budgets.bicep'",
      'budgets.bicep',
    ],
  ])(
    '%s is found by its line',
    async (_, file, from, to, problem) => {
      const findings = await found([['compiles', file, from, to]]);
      expect(findings).toContainEqual(expect.objectContaining({ file, problem: expect.stringContaining(problem) }));
      expect(findings.every(({ line }) => line >= 1)).toBe(true);
    },
    PATIENCE_MS,
  );

  it(
    'a parameter file that gives what does not exist is found',
    async () => {
      const file = 'infra/main.prod.bicepparam';
      const findings = await found([['compiles', file, 'param maxReplicas', 'param mostReplicas']]);
      expect(findings).toContainEqual(
        expect.objectContaining({ file, problem: expect.stringContaining('mostReplicas') }),
      );
    },
    PATIENCE_MS,
  );
});

/** A sentence is broken, and the finding points into a file of the template. */
function expectBroken(findings: readonly Finding[], rule: string): void {
  const finding = findings.find(({ problem }) => problem.includes(rule));
  expect([rule, finding?.problem ?? 'not found']).toEqual([rule, expect.stringContaining('not so: ')]);
  expect(finding?.file).toMatch(/^infra\/.+\.bicep$/);
}

described('the rules of the Bicep', () => {
  let findings: Finding[] = [];
  let others: Finding[] = [];
  beforeAll(async () => {
    findings = await found(DEFECTS);
    others = await found(OTHER_DEFECTS);
  }, PATIENCE_MS);

  it.each(DEFECTS)('"%s" is broken by a defect in %s', (rule) => expectBroken(findings, rule));

  it.each(OTHER_DEFECTS)('"%s" is broken by another one in %s', (rule) => expectBroken(others, rule));

  it('each have a defect that breaks them, and none but them are found', () => {
    const sentences = [...RULES, ...TEMPLATE_RULES].map(({ says }) => says);
    expect(sentences.filter((says) => !DEFECTS.some(([rule]) => says.includes(rule)))).toEqual([]);
    expect([...findings, ...others].filter(({ problem }) => !problem.startsWith('not so: '))).toEqual([]);
    expect(new Set(sentences).size).toBe(sentences.length);
  });

  it('are looked at in every environment, before and after there is an image, and in two regions', () => {
    expect(new Set(SCENARIOS.map(({ environment }) => environment))).toEqual(new Set(['dev', 'staging', 'prod']));
    expect(SCENARIOS.some(({ variables }) => !('SERVICE_ROUTER_IMAGE_NAME' in variables))).toBe(true);
    expect(SCENARIOS.some(({ variables }) => 'AZURE_SECONDARY_LOCATION' in variables)).toBe(true);
  });
});

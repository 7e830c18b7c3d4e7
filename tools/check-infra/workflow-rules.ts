import { type Job, type Step, type Workflow } from './workflow-steps.js';

/** At a line of a workflow, and what mends it. */
export interface Broken {
  readonly line: number;
  readonly problem: string;
  readonly cure: string;
}
type Rule = (workflow: Workflow) => Broken[];

const SHELL = 'bash -euo pipefail {0}';
const PINNED = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/;
const VERSION = /@[0-9a-f]{40} # v\d+(\.\d+)*\s*$/;
const EXPRESSION = /\$\{\{/;
const FOREIGN_CODE = ['pull_request_target', 'workflow_run', 'issue_comment'];
/** What a job may write, and what it must run for it. */
const WRITERS: Readonly<Record<string, RegExp>> = {
  'id-token': /^(azure\/login|actions\/attest|\.\/\.github\/workflows\/deploy\.yml)(@|$)/,
  packages: /^actions\/attest@/,
  attestations: /^actions\/attest@/,
};

const signsIn = (job: Job): boolean => job.steps.some(({ uses }) => uses.startsWith('azure/login@'));
const isLocal = (uses: string): boolean => uses.startsWith('./');

/** A tag can be moved to other code; the commit cannot. */
const pinned: Rule = ({ text }) =>
  text.split('\n').flatMap((content, i) => {
    const uses = /^\s*-?\s*uses:\s*(\S+)/.exec(content)?.[1];
    if (uses === undefined || isLocal(uses)) return [];
    const cure = 'uses: owner/name@<40 hex digits of the commit> # v1.2.3';
    if (!PINNED.test(uses)) return [{ line: i + 1, problem: `${uses} is not pinned to a commit`, cure }];
    return VERSION.test(content) ? [] : [{ line: i + 1, problem: `${uses} does not say which version it is`, cure }];
  });

const permissionsOf = (value: unknown): Readonly<Record<string, string>> | null =>
  typeof value === 'object' && value !== null ? (value as Record<string, string>) : null;

const permissions: Rule = (workflow) => {
  const top = permissionsOf(workflow.get('permissions'));
  const isLeast = top !== null && Object.entries(top).every(([name, level]) => name === 'contents' && level === 'read');
  const cure = 'permissions: {} at the top, and in each job what it needs.';
  const findings = isLeast ? [] : [{ line: 1, problem: 'permissions at the top are not least', cure }];
  return [
    ...findings,
    ...workflow.jobs.flatMap((job) => {
      const own = permissionsOf(job.get('permissions'));
      if (own === null) return [{ line: job.line, problem: `job ${job.name} does not list its permissions`, cure }];
      const called = job.get('uses');
      const uses = [typeof called === 'string' ? called : '', ...job.steps.map((step) => step.uses)];
      const extra = Object.entries(own).filter(
        ([name, level]) => level !== 'read' && !uses.some((one) => WRITERS[name]?.test(one)),
      );
      return extra.map(([name, level]) => ({
        line: job.line,
        problem: `job ${job.name} has ${name}: ${level} and runs nothing that needs it`,
        cure,
      }));
    }),
  ];
};

const timeouts: Rule = ({ jobs }) =>
  jobs
    .filter((job) => job.steps.length > 0 && !(Number(job.get('timeout-minutes')) > 0))
    .map(({ line, name }) => ({ line, problem: `job ${name} may hang for six hours`, cure: 'timeout-minutes: 30' }));

const secrets: Rule = ({ text, jobs }) => [
  ...text.split('\n').flatMap((content, i) =>
    [...content.matchAll(/secrets(?:\.|\[['"])(\w+)/g)]
      .filter(([, name]) => name !== 'GITHUB_TOKEN')
      .map(([, name]) => ({
        line: i + 1,
        problem: `the secret ${name} lives long`,
        cure: 'Sign in with OIDC (azure/login without a secret); secrets.GITHUB_TOKEN ends with the job.',
      })),
  ),
  ...jobs
    .filter((job) => job.has('secrets'))
    .map(({ line, name }) => ({ line, problem: `job ${name} hands secrets on`, cure: 'No workflow here needs any.' })),
];

const triggers: Rule = (workflow) => {
  const on = workflow.get('on');
  const names = typeof on === 'string' ? [on] : Array.isArray(on) ? on.map(String) : Object.keys(on ?? {});
  return names
    .filter((name) => FOREIGN_CODE.includes(name))
    .map((name) => ({ line: 1, problem: `${name} runs strangers' words with our rights`, cure: 'on: pull_request' }));
};

/** GitHub puts the text of an expression into the script before the shell reads it. */
const injection: Rule = (workflow) =>
  workflow
    .values()
    .filter(({ path, value }) => path.at(-1) === 'run' && EXPRESSION.test(String(value)))
    .map(({ line }) => ({
      line,
      problem: 'an expression stands in a script',
      cure: 'Give it to the step as env, and write "$NAME" in the script.',
    }));

const checkout: Rule = ({ jobs }) =>
  jobs
    .flatMap(({ steps }) => steps)
    .filter(({ uses, with: inputs }) => uses.startsWith('actions/checkout@') && inputs['persist-credentials'] !== false)
    .map(({ line }) => ({ line, problem: 'the token stays in .git', cure: 'with: { persist-credentials: false }' }));

const shell: Rule = (workflow) =>
  workflow.jobs.every(({ steps }) => steps.length === 0) || workflow.get('defaults', 'run', 'shell') === SHELL
    ? []
    : [{ line: 1, problem: 'a script goes on after a failure', cure: `defaults: { run: { shell: ${SHELL} } }` }];

const environments: Rule = (workflow) =>
  workflow.jobs.filter(signsIn).flatMap((job) => {
    const own = job.has('concurrency') ? job.get('concurrency') : workflow.get('concurrency');
    const group = permissionsOf(own) as Readonly<Record<string, unknown>> | null;
    return [
      ...(job.has('environment')
        ? []
        : [
            {
              line: job.line,
              problem: `job ${job.name} signs in to Azure without an environment, so nobody can gate it`,
              cure: 'environment: staging',
            },
          ]),
      ...(group?.['group'] !== undefined && group['cancel-in-progress'] === false
        ? []
        : [
            {
              line: job.line,
              problem: `job ${job.name} may run beside another one, or be cut off by it`,
              cure: 'concurrency: { group: azure-<environment>, cancel-in-progress: false }',
            },
          ]),
    ];
  });

/** Of every workflow. */
export const RULES: readonly Rule[] = [
  ...[pinned, permissions, timeouts, secrets, triggers, injection, checkout, shell, environments],
];

/** A release in the order of its steps' ids; each only where the one before has ended well. */
const ORDER = ['preview', 'provision', 'plan', 'smoke', 'canary', 'watch', 'promote', 'rollback'] as const;
const FRESH = "steps.plan.outputs.fresh == 'true'";
/** What a step must run for its name. */
const WORK: Readonly<Record<string, RegExp>> = {
  preview: /azd provision --preview\b.*\n.*GITHUB_STEP_SUMMARY/,
  provision: /^azd provision --no-prompt$/,
  smoke: /smoke\.mjs --label /,
  canary: /release\.mjs canary --percent 10 --region first$/,
  watch: /watch\.mjs (?!.*--standby-ok).*--weight 10 --minutes 15$/,
  promote: /release\.mjs promote-canary$/,
  // A release may fail before its revision is there.
  rollback: /release\.mjs rollback --if-there$/,
};

function orderProblems(steps: readonly Step[], line: number): Broken[] {
  const places = ORDER.map((id) => steps.findIndex((step) => step.id === id));
  return ORDER.flatMap((id, i) => {
    const step = steps[places[i]!];
    if (!step) return [{ line, problem: `no step has the id ${id}`, cure: `Steps in this order: ${ORDER.join(', ')}` }];
    const problems: Broken[] = [];
    if (i > 0 && places[i]! < places[i - 1]!)
      problems.push({
        line: step.line,
        problem: `${id} comes before ${ORDER[i - 1]}`,
        cure: `Steps in this order: ${ORDER.join(', ')}`,
      });
    if (WORK[id] && !WORK[id].test(step.run.trim()))
      problems.push({ line: step.line, problem: `${id} does something else`, cure: `It runs ${WORK[id].source}` });
    return problems;
  });
}

/** The workflow that deploys one environment. */
export function deployProblems({ jobs }: Workflow): Broken[] {
  const [job] = jobs;
  if (!job) return [{ line: 1, problem: 'there is no job', cure: 'jobs: { deploy: ... }' }];
  const conditions: [string, string][] = [
    ...(['canary', 'watch', 'promote'] as const).map((id): [string, string] => [id, FRESH]),
    ['rollback', `(failure() || cancelled()) && ${FRESH}`],
  ];
  const wrong = conditions.flatMap(([id, condition]) => {
    const step = job.steps.find((one) => one.id === id);
    return step && step.if !== condition
      ? [{ line: step.line, problem: `${id} runs at another time than it should`, cure: `if: ${condition}` }]
      : [];
  });
  return [...orderProblems(job.steps, job.line), ...wrong];
}

/** The workflow that begins a release. */
export function releaseProblems(workflow: Workflow): Broken[] {
  const needs = (name: string) => [workflow.jobs.find((job) => job.name === name)?.get('needs') ?? []].flat();
  const chain: [string, string][] = [
    ['image', 'test'],
    ['staging', 'image'],
    ['prod', 'staging'],
  ];
  const broken = chain
    .filter(([job, before]) => !needs(job).includes(before))
    .map(([job, before]) => ({ line: 1, problem: `${job} does not wait for ${before}`, cure: `needs: ${before}` }));
  const alone = workflow.get('concurrency', 'cancel-in-progress') === false;
  return alone
    ? broken
    : [...broken, { line: 1, problem: 'a second release cuts the first off', cure: 'cancel-in-progress: false' }];
}

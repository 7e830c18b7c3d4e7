import type { Broken } from './workflow-rules.js';
import type { Workflow } from './workflow-steps.js';

const ROLLBACK = '${{ inputs.environment }}-rollback';

/** By hand a suffix that no label has is a mistake, and must not look like a rollback; and nobody is waited for. */
export const rollbackProblems = ({ jobs }: Workflow): Broken[] => [
  ...jobs
    .filter((job) => job.has('environment') && job.get('environment') !== ROLLBACK)
    .map(({ line }) => ({
      line,
      problem: 'it waits for the reviewers of a release',
      cure: `environment: ${ROLLBACK}`,
    })),
  ...jobs
    .flatMap(({ steps }) => steps)
    .filter(({ run }) => /release\.mjs rollback\b.*--if-there/.test(run))
    .map(({ line }) => ({
      line,
      problem: 'a wrong suffix looks like a rollback that was done',
      cure: 'node tools/release/release.mjs rollback',
    })),
];

/** GitHub keeps one waiting job of a group, and drops the one before. */
export const driftProblems = ({ jobs }: Workflow): Broken[] =>
  jobs
    .filter((job) => String(job.get('concurrency', 'group')).startsWith('azure-'))
    .map(({ line }) => ({
      line,
      problem: 'a comparison may take the place of a release that waits',
      cure: 'concurrency: { group: drift-<environment>, cancel-in-progress: false }',
    }));

/** The token is in no argument, which every process may read; a tag is of one digest and never moves on. */
export const importProblems = ({ jobs }: Workflow): Broken[] =>
  jobs
    .flatMap(({ steps }) => steps)
    .filter(({ run }) => run.includes('az acr import'))
    .flatMap(({ run, line }) => [
      ...(/\| az acr import .*--password @- /.test(run)
        ? []
        : [{ line, problem: 'the token stands in the list of processes', cure: '... | az acr import --password @-' }]),
      ...(/digest="\$\{DIGEST#sha256:\}"[^]*--image "router:sha-\$\{digest:0:12\}"/.test(run)
        ? []
        : [
            {
              line,
              problem: 'a later build takes the tag from the image that runs, which is then deleted',
              cure: '--image "router:sha-${digest:0:12}"',
            },
          ]),
    ]);

const EXTENSION = /az extension add --name log-analytics\b/;

/** `az monitor log-analytics query` is an extension, and az asks before it installs one. */
export const watchProblems = ({ jobs }: Workflow): Broken[] =>
  jobs.flatMap(({ steps }) => {
    const watch = steps.findIndex(({ run }) => run.includes('release/watch.mjs'));
    return watch < 0 || steps.slice(0, watch).some(({ run }) => EXTENSION.test(run))
      ? []
      : [
          {
            line: steps[watch]!.line,
            problem: 'the watch has no az extension to ask Azure Monitor with',
            cure: 'Before it: az extension add --name log-analytics --only-show-errors',
          },
        ];
  });

/** The steps of `provision` by id: what they run, and when. */
const PROVISION: readonly (readonly [id: string, run: RegExp, condition: string])[] = [
  ['preview', /azd provision --preview\b.*\n.*GITHUB_STEP_SUMMARY/, ''],
  ['provision', /^azd provision --no-prompt\n.*again=.*GATEWAY_PUBLIC_ACCESS/, ''],
  ['close', /^azd provision --no-prompt$/, "steps.provision.outputs.again == 'true'"],
];
const AS_IS = 'as-is';
const GROUP = 'azure-${{ inputs.environment }}';

/** Templates without a release: no new image, no traffic moved, no door left open, not beside a release. */
export function provisionProblems({ jobs }: Workflow): Broken[] {
  const [job] = jobs;
  if (!job) return [{ line: 1, problem: 'there is no job', cure: 'jobs: { provision: ... }' }];
  const { line } = job;
  const broken: Broken[] = [];
  if (job.get('env', 'ROUTER_DEPLOYMENT') !== AS_IS)
    broken.push({ line, problem: 'it would make a revision', cure: `env: { ROUTER_DEPLOYMENT: ${AS_IS} }` });
  if (job.get('concurrency', 'group') !== GROUP)
    broken.push({ line, problem: 'it may run beside a release', cure: `concurrency: { group: '${GROUP}' }` });
  const places = PROVISION.map(([id]) => job.steps.findIndex((step) => step.id === id));
  PROVISION.forEach(([id, run, condition], i) => {
    const step = job.steps[places[i]!];
    if (!step || (i > 0 && places[i]! < places[i - 1]!))
      broken.push({ line, problem: `${id} is not in its place`, cure: PROVISION.map(([one]) => one).join(', ') });
    else if (!run.test(step.run.trim()))
      broken.push({ line: step.line, problem: `${id} does something else`, cure: `It runs ${run.source}` });
    else if (step.if !== condition)
      broken.push({ line: step.line, problem: `${id} runs at another time than it should`, cure: `if: ${condition}` });
  });
  return broken;
}

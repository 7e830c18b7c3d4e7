import type { Broken } from './workflow-rules.js';
import type { Workflow } from './workflow-steps.js';

/** By hand a suffix that no label has is a mistake, and must not look like a rollback. */
export const rollbackProblems = ({ jobs }: Workflow): Broken[] =>
  jobs
    .flatMap(({ steps }) => steps)
    .filter(({ run }) => /release\.mjs rollback\b.*--if-there/.test(run))
    .map(({ line }) => ({
      line,
      problem: 'a wrong suffix looks like a rollback that was done',
      cure: 'node tools/release/release.mjs rollback',
    }));

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

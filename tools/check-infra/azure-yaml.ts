import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import type { Finding, InfraCheck } from './finding.js';

const FILE = 'azure.yaml';
const hook = z.strictObject({
  posix: z.strictObject({ shell: z.literal('sh'), run: z.string() }),
  windows: z.strictObject({ shell: z.literal('pwsh'), run: z.string() }),
});
/**
 * azd fetches a Bicep of its own; `extends` in a parameter file needs 0.44.1. azd 1.23.8 asks for 0.41.2; 0.44.1 came on
 * 2026-06-10 (https://github.com/Azure/azure-dev/pull/8594), and 1.26.0 of 2026-06-24 has later changes than that
 * (https://github.com/Azure/azure-dev/releases/tag/azure-dev-cli_1.26.0).
 */
const AZD = /^>= 1\.(2[6-9]|[3-9]\d)\.\d+$/;
/**
 * What we use of azd's schema (https://raw.githubusercontent.com/Azure/azure-dev/main/schemas/v1.0/azure.yaml.json, as of
 * 2026-11), and what we ask beyond it: both shells, and the hooks that keep a deployment from failing late or moving traffic.
 */
const azureYaml = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/),
  requiredVersions: z.strictObject({ azd: z.string().regex(AZD) }),
  infra: z.strictObject({ provider: z.literal('bicep'), path: z.string(), module: z.string() }),
  services: z.strictObject({
    router: z.strictObject({
      project: z.string(),
      host: z.literal('containerapp'),
      language: z.literal('docker'),
      docker: z.strictObject({ path: z.string(), remoteBuild: z.boolean() }),
    }),
  }),
  workflows: z.strictObject({ up: z.strictObject({ steps: z.array(z.strictObject({ azd: z.string() })) }) }),
  hooks: z.strictObject({ preprovision: hook, postprovision: hook, prepublish: hook, predeploy: hook }),
});
type AzureYaml = z.infer<typeof azureYaml>;
/** The registry first, then what it is for. */
const UP = ['provision', 'publish --all', 'provision'];

function pathProblems(root: string, { infra, services, hooks }: AzureYaml): [string[], string, string][] {
  const { project, docker } = services.router;
  const scripts = Object.entries(hooks).flatMap(([name, { posix, windows }]): [string[], string, string][] => {
    const script = /^node (\S+\.mjs)$/.exec(posix.run)?.[1];
    if (script === undefined || !existsSync(join(root, script)))
      return [[['hooks', name], `it runs no script that is there: ${posix.run}`, 'run: node tools/azd/NAME.mjs']];
    return windows.run === posix.run ? [] : [[['hooks', name], 'Windows runs something else', `run: ${posix.run}`]];
  });
  const missing = [
    [['services', 'router', 'docker', 'path'], join(project, docker.path)],
    [['infra', 'module'], join(infra.path, `${infra.module}.bicep`)],
  ] as const;
  return [
    ...scripts,
    ...missing
      .filter(([, path]) => !existsSync(join(root, path)))
      .map(([at, path]): [string[], string, string] => [
        [...at],
        `there is no ${path}`,
        'Name a file of this repository.',
      ]),
  ];
}

function orderProblems({ workflows }: AzureYaml): [string[], string, string][] {
  const steps = workflows.up.steps.map(({ azd }) => azd);
  const cure = `steps: ${UP.join(', ')}`;
  return JSON.stringify(steps) === JSON.stringify(UP)
    ? []
    : [[['workflows', 'up', 'steps'], `azd up does ${steps.join(', ')}`, cure]];
}

/** azd's project file: its paths, its hooks in both shells, the order of `azd up`. */
export const azureProject: InfraCheck = {
  name: 'azure.yaml',
  run: (root): Finding[] => {
    if (!existsSync(join(root, FILE)))
      return [{ file: FILE, line: 1, problem: 'it is missing', cure: `git restore ${FILE}` }];
    const lines = new LineCounter();
    const document = parseDocument(readFileSync(join(root, FILE), 'utf8'), { lineCounter: lines });
    const found = (path: readonly PropertyKey[], problem: string, cure: string): Finding => {
      const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined;
      return { file: FILE, line: lines.linePos(node?.range?.[0] ?? 0).line, problem, cure };
    };
    const { success, data, error } = azureYaml.safeParse(document.toJS());
    if (!success)
      return error.issues.map(({ path, message }) =>
        found(
          path,
          `${path.join('.')}: ${message}`,
          'https://learn.microsoft.com/azure/developer/azure-developer-cli/azd-schema',
        ),
      );
    return [...pathProblems(root, data), ...orderProblems(data)].map(([path, problem, cure]) =>
      found(path, problem, cure),
    );
  },
};

import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '../finding.js';

/** A resource as a deployment would make it; what only Azure can tell stands there as `[expression]`. */
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly location?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

/** What a deployment is given: the parameter file, and the variables it reads. */
export interface Scenario {
  readonly name: string;
  readonly environment: 'dev' | 'staging' | 'prod';
  readonly variables: Readonly<Record<string, string>>;
}

export interface Deployment extends Scenario {
  /** The folder that has the `infra/` it was compiled from. */
  readonly root: string;
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** The compiled main.bicep, as ARM JSON. */
export interface Template {
  readonly parameters: Readonly<Record<string, { readonly defaultValue?: unknown; readonly type?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly type: string; readonly value: unknown }>>;
  readonly [key: string]: unknown;
}

const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001';
const TENANT = '00000000-0000-0000-0000-000000000002';
export const REGIONS = { first: 'swedencentral', second: 'norwayeast' } as const;
const CONTACTS = {
  BUDGET_CONTACTS: 'operators@example.com, owner@example.com',
  API_AUDIENCE: TENANT,
  MONTHLY_BUDGET_USD: '1234',
};
const IMAGE = { ...CONTACTS, SERVICE_ROUTER_IMAGE_NAME: 'ghcr.io/example/hybrid-llm-router:1' };
const TWO_REGIONS = { AZURE_SECONDARY_LOCATION: REGIONS.second };

/** Everything that a deployment is done for: each environment, the first pass, a canary, both labels, two regions. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'dev', environment: 'dev', variables: IMAGE },
  { name: 'staging', environment: 'staging', variables: IMAGE },
  { name: 'prod', environment: 'prod', variables: IMAGE },
  { name: 'first pass', environment: 'prod', variables: CONTACTS },
  { name: 'two regions', environment: 'prod', variables: { ...IMAGE, ...TWO_REGIONS } },
  {
    name: 'a region is added',
    environment: 'prod',
    variables: { ...IMAGE, ...TWO_REGIONS, GATEWAY_PUBLIC_ACCESS: 'true', BUDGET_START_DATE: '2026-12-01' },
  },
  { name: 'new revision', environment: 'prod', variables: { ...IMAGE, BLUE_REVISION: 'old', REVISION_SUFFIX: 'new' } },
  {
    name: 'canary of blue',
    environment: 'prod',
    variables: {
      ...{ ...IMAGE, ...TWO_REGIONS, PRODUCTION_LABEL: 'green', GREEN_REVISION: 'old', BLUE_REVISION: 'new' },
      ...{ REVISION_SUFFIX: 'new', CANARY_PERCENT: '10' },
    },
  },
];

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  [program = '', ...first]: readonly string[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...first, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => out.push(data));
    child.stderr.on('data', (data: Buffer) => err.push(data));
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
  });
}

/** `/folder/infra/main.bicep(3,7) : Error no-unused-params: ...` */
const DIAGNOSTIC = /^(.+?)\((\d+),\d+\) : (?:Error|Warning|Info) (.+?)(?: \[https:.*\])?$/gm;

/** What the compiler says, warnings as well, each as a finding below the root. */
function diagnosticsOf(root: string, { code, stderr }: Ran, what: string): Finding[] {
  const findings = [...stderr.matchAll(DIAGNOSTIC)].map(([, file = '', line, problem = '']) => ({
    file: file.startsWith(root) ? file.slice(root.length + 1) : file,
    line: Number(line),
    problem,
    cure: 'The rules are those of infra/bicepconfig.json; each has a page under https://aka.ms/bicep/linter.',
  }));
  if (findings.length > 0 || code === 0) return findings;
  return [{ file: what, line: 1, problem: `does not compile: ${stderr.trim()}`, cure: 'Mend what the compiler says.' }];
}

/** A copy of infra/, in which the compiler may write. */
export function copyOfInfra(root: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'router-bicep-'));
  cpSync(join(root, 'infra'), join(copy, 'infra'), { recursive: true });
  return copy;
}

const environment = (variables: Scenario['variables']): NodeJS.ProcessEnv => ({
  ...{ PATH: process.env['PATH'], HOME: process.env['HOME'], DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1' },
  ...variables,
});

/** Compiles main.bicep. */
export async function compile(
  bicep: readonly string[],
  root: string,
): Promise<{ readonly findings: Finding[]; readonly template: Template | null }> {
  const ran = await run(bicep, ['build', join(root, 'infra', 'main.bicep'), '--stdout'], environment({}));
  const findings = diagnosticsOf(root, ran, 'infra/main.bicep');
  return { findings, template: ran.code === 0 ? (JSON.parse(ran.stdout) as Template) : null };
}

/**
 * What a deployment would make, as the compiler works it out (`bicep snapshot`).
 *
 * @param root the folder that has `infra/`; the compiler writes beside a parameter file, so it works in a copy
 */
export async function deploymentOf(
  bicep: readonly string[],
  root: string,
  scenario: Scenario,
): Promise<{ readonly findings: Finding[]; readonly deployment: Deployment | null }> {
  // A folder for each: several scenarios have the same parameter file.
  const own = copyOfInfra(root);
  const parameters = join(own, 'infra', `main.${scenario.environment}.bicepparam`);
  const place = ['--subscription-id', SUBSCRIPTION, '--tenant-id', TENANT, '--location', REGIONS.first];
  try {
    const ran = await run(
      bicep,
      ['snapshot', parameters, '--mode', 'overwrite', ...place],
      environment(scenario.variables),
    );
    const findings = diagnosticsOf(own, ran, `infra/main.${scenario.environment}.bicepparam`);
    const written = parameters.replace(/bicepparam$/, 'snapshot.json');
    if (ran.code !== 0 || !existsSync(written)) return { findings, deployment: null };
    const { predictedResources, outputs } = JSON.parse(readFileSync(written, 'utf8')) as {
      readonly predictedResources: readonly Resource[];
      readonly outputs: Record<string, unknown>;
    };
    return { findings, deployment: { ...scenario, root, resources: predictedResources, outputs } };
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

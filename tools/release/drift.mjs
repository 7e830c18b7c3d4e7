// Whether what runs is what is written here: node tools/release/drift.mjs (docs/RELEASE.md, "Drift"). Asks Azure, changes
// nothing. Plain JavaScript without packages, for Node 18 and later.
import { appendFileSync } from 'node:fs';
import { AzureCli, Refusal, told } from '../azd/azure-cli.mjs';
import { environmentProblems } from '../azd/checks.mjs';
import { onceValues } from '../azd/once-values.mjs';
import { chooseParameterFile, PARAMETER_FILE } from '../azd/parameters.mjs';
import { readApps } from './apps.mjs';
import { liveParameters } from './traffic.mjs';
import { driftOf } from './what-if.mjs';

const USAGE = `Usage: node tools/release/drift.mjs [--summary FILE]   exit code 1 where something differs
  --summary FILE   adds the list to this file, as Markdown
The values of the azd environment (AZURE_ENV_NAME, AZURE_LOCATION, ...) come from this process's environment.`;

function summaryFile([option, file, ...rest]) {
  if (option === undefined) return null;
  if (option !== '--summary' || file === undefined || rest.length > 0)
    throw new Refusal(`${option}: no such option, or it has no value.\n\n${USAGE}`);
  return file;
}

await told(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) return void process.stdout.write(`${USAGE}\n`);
  const file = summaryFile(args);
  const problems = environmentProblems(process.env);
  if (problems.length > 0) throw new Refusal(problems.join('\n'));
  chooseParameterFile(process.env.AZURE_ENV_NAME);
  const az = new AzureCli();
  const apps = await readApps(az, process.env);
  // az hands them to the parameter file: image and traffic as they are, so neither a release nor a canary is drift; and what
  // was said once as it was said.
  const once = await onceValues(az, process.env);
  Object.assign(process.env, { SERVICE_ROUTER_IMAGE_NAME: apps[0]?.image ?? '' }, liveParameters(apps), once);
  const printed = await az.json(
    ...['deployment', 'sub', 'what-if', '--name', `drift-${process.env.AZURE_ENV_NAME}`],
    ...['--location', process.env.AZURE_LOCATION, '--parameters', PARAMETER_FILE, '--no-pretty-print'],
  );
  const drift = driftOf(printed);
  const lines = drift.length === 0 ? ['Nothing differs.'] : drift;
  process.stdout.write(`${lines.join('\n')}\n`);
  if (file)
    appendFileSync(
      file,
      `### Drift of ${process.env.AZURE_ENV_NAME}\n\n${lines.map((line) => `- ${line}`).join('\n')}\n`,
    );
  return drift.length === 0 ? 0 : 1;
});

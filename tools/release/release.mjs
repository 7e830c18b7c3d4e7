// Moves traffic between the two labels of the running apps: node tools/release/release.mjs COMMAND (docs/RELEASE.md). Plain
// JavaScript without packages, for Node 18 and later.
import { appendFileSync } from 'node:fs';
import { AzureCli, Refusal, told } from '../azd/azure-cli.mjs';
import { readApps } from './apps.mjs';
import { canaryCommands, promoteCommands, rollbackCommands, tidyCommands } from './traffic.mjs';

const USAGE = `Usage: node tools/release/release.mjs COMMAND [options]   which revision gets how much traffic
  status      how the apps stand, as JSON; in a workflow also as outputs
  canary      --percent of the traffic go to the revision
  promote     all traffic goes to the revision
  promote-canary   the same, unless somebody has taken the canary back meanwhile
  rollback    the revision gets none; the other label has all
  tidy        ends the revisions that no label names
  --suffix S         of the revision that is released (REVISION_SUFFIX)
  --percent N        canary: 1 to 49 (default 10)
  --region R         first, second or all (default all; rollback is always of all)
AZURE_ENV_NAME and AZURE_LOCATION say which apps.`;
const REGIONS = ['first', 'second', 'all'];

function optionsOf(args) {
  const options = { suffix: process.env.REVISION_SUFFIX ?? '', percent: '10', region: 'all' };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i].replace(/^--/, '');
    if (!args[i].startsWith('--') || !(name in options))
      throw new Refusal(`${args[i]}: there is no such option.\n\n${USAGE}`);
    if (args[i + 1] === undefined) throw new Refusal(`--${name}: a value is missing.\n\n${USAGE}`);
    options[name] = args[i + 1];
  }
  if (!REGIONS.includes(options.region))
    throw new Refusal(`--region ${options.region}: must be ${REGIONS.join(', ')}.`);
  return options;
}

const COMMANDS = {
  canary: (app, { suffix, percent }) => canaryCommands(app, suffix, Number(percent)),
  promote: (app, { suffix }) => promoteCommands(app, suffix),
  'promote-canary': (app, { suffix }) => promoteCommands(app, suffix, true),
  rollback: (app, { suffix }) => rollbackCommands(app, suffix),
  tidy: (app) => tidyCommands(app),
};

function chosen(apps, region) {
  if (region === 'second' && apps.length < 2) return [];
  return region === 'all' ? apps : [region === 'first' ? apps[0] : apps[1]];
}

/** What the workflow's later steps need to know. */
function outputsOf(apps, suffix) {
  const [first, second] = apps;
  const label = first.suffixes[first.idle] === suffix ? first.idle : first.production;
  const old = label === 'blue' ? 'green' : 'blue';
  const named = (app, one) => (app ? `${app.name}--${app.suffixes[one]}` : '');
  return {
    regions: apps.length,
    label,
    new_revision: named(first, label),
    old_revision: named(first, old),
    new_revision_second: named(second, label),
    old_revision_second: named(second, old),
    // Its traffic may be moved: it is not the revision that production has been all along.
    fresh: label === first.idle,
    canary_percent: first.weights[first.idle],
  };
}

function status(apps, { suffix }) {
  if (apps.length === 0)
    throw new Refusal(
      'No app carries the tags of this environment: is AZURE_ENV_NAME right, and has it been deployed?',
    );
  const outputs = outputsOf(apps, suffix);
  process.stdout.write(`${JSON.stringify({ ...outputs, apps }, null, 2)}\n`);
  const file = process.env.GITHUB_OUTPUT;
  if (file)
    appendFileSync(
      file,
      Object.entries(outputs)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
}

/** In every region even when one refuses: a rollback must not stop half way. */
async function moveAll(az, apps, command, options) {
  const refusals = [];
  for (const app of apps) {
    try {
      const commands = COMMANDS[command](app, options);
      for (const args of commands) await az.json(...args);
      process.stdout.write(
        `${app.name} (${app.location}): ${command} ${commands.length > 0 ? 'done' : 'changes nothing'}\n`,
      );
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusals.push(error.message);
      if (command !== 'rollback') break;
    }
  }
  if (refusals.length > 0) throw new Refusal(refusals.join('\n'));
}

await told(async () => {
  const [command = '--help', ...args] = process.argv.slice(2);
  if (command === '--help' || args.includes('--help')) return void process.stdout.write(`${USAGE}\n`);
  if (command !== 'status' && !(command in COMMANDS))
    throw new Refusal(`${command}: there is no such command.\n\n${USAGE}`);
  const options = optionsOf(args);
  if (!process.env.AZURE_ENV_NAME)
    throw new Refusal('AZURE_ENV_NAME is not set: it names the environment (dev, staging or prod).');
  const az = new AzureCli();
  const apps = await readApps(az, process.env);
  if (command === 'status') return status(apps, options);
  await moveAll(az, command === 'rollback' ? apps : chosen(apps, options.region), command, options);
});

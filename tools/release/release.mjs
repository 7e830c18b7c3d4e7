// Moves traffic between the two labels of the running apps: node tools/release/release.mjs COMMAND (docs/RELEASE.md). Plain
// JavaScript without packages, for Node 18 and later.
import { appendFileSync } from 'node:fs';
import { AzureCli, Refusal, told } from '../azd/azure-cli.mjs';
import { ENVIRONMENTS } from '../azd/checks.mjs';
import { findApp, listApps, readApps } from './apps.mjs';
import { readLabels } from './standing.mjs';
import {
  canaryCommands,
  canaryShare,
  promoteCommands,
  rollbackCommands,
  rollbackWarning,
  suffixNamed,
  tidyCommands,
} from './traffic.mjs';

const USAGE = `Usage: node tools/release/release.mjs COMMAND [options]   which revision gets how much traffic
  status      how the apps stand, as JSON; in a workflow also as outputs
  canary      --percent of the traffic go to the revision
  promote     all traffic goes to the revision
  promote-canary   the same, unless somebody has taken the canary back meanwhile
  rollback    the revision gets none, in any region; the other label has all
  tidy        ends the revisions that no label names
  --suffix S         of the revision that is released, or its whole name (REVISION_SUFFIX)
  --percent N        canary: 1 to 49 (default 10)
  --region R         canary, promote: first, second or all (default all); AZURE_LOCATION is the first
  --if-there         rollback: a revision that was never made needs none (a release that failed early)
AZURE_ENV_NAME says which apps.`;
const REGIONS = ['first', 'second', 'all'];

/** Those that take no value. */
const FLAGS = ['if-there'];

function optionsOf(args) {
  const options = { suffix: process.env.REVISION_SUFFIX ?? '', percent: '10', region: '', 'if-there': false };
  for (let i = 0; i < args.length; i += 1) {
    const name = args[i].replace(/^--/, '');
    if (!args[i].startsWith('--') || !Object.hasOwn(options, name))
      throw new Refusal(`${args[i]}: there is no such option.\n\n${USAGE}`);
    if (FLAGS.includes(name)) options[name] = true;
    else if (args[i + 1] === undefined) throw new Refusal(`--${name}: a value is missing.\n\n${USAGE}`);
    else options[name] = args[(i += 1)];
  }
  return options;
}

/** What can be refused before Azure is asked. @throws Refusal */
function checkOptions(command, { percent, region, 'if-there': ifThere }) {
  if (region !== '' && !REGIONS.includes(region))
    throw new Refusal(`--region ${region}: must be ${REGIONS.join(', ')}.`);
  if (region !== '' && !['canary', 'promote', 'promote-canary'].includes(command))
    throw new Refusal(
      command === 'rollback'
        ? `--region ${region}: a rollback goes back in all regions; leave --region out.`
        : `--region ${region}: ${command} is of all regions; leave --region out.`,
    );
  if (ifThere && command !== 'rollback') throw new Refusal(`--if-there: only rollback has it, not ${command}.`);
  if (command === 'canary') canaryShare(Number(percent));
  const name = process.env.AZURE_ENV_NAME;
  if (!ENVIRONMENTS.includes(name))
    throw new Refusal(
      `AZURE_ENV_NAME is ${name ? `"${name}"` : 'not set'}: it names the environment, ${ENVIRONMENTS.join(', ')}.`,
    );
  if (['first', 'second'].includes(region) && !process.env.AZURE_LOCATION)
    throw new Refusal(
      `AZURE_LOCATION is not set: it is the first region's short name (swedencentral), and --region ${region} needs it.`,
    );
}

const COMMANDS = {
  canary: (app, { suffix, percent }) => canaryCommands(app, suffix, Number(percent)),
  promote: (app, { suffix }) => promoteCommands(app, suffix),
  'promote-canary': (app, { suffix }) => promoteCommands(app, suffix, true),
  rollback: (app, { suffix, 'if-there': ifThere }) => rollbackCommands(app, suffix, ifThere),
  tidy: (app) => tidyCommands(app),
};

/** @throws Refusal where the region has no app */
function chosen(apps, region) {
  if (region === 'second' && apps.length < 2)
    throw new Refusal(`--region second: there is no second region, only ${apps[0].location} has an app.`);
  if (region !== 'first' && region !== 'second') return apps;
  return [region === 'first' ? apps[0] : apps[1]];
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
  const outputs = outputsOf(apps, suffixNamed(suffix));
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

/** Traffic is moved at once, with what is known: these need the labels alone, and no region waits for another one. */
const URGENT = ['promote', 'rollback'];

async function moveOne(az, app, command, options) {
  const warning = command === 'rollback' ? rollbackWarning(app, options.suffix) : '';
  if (warning !== '') process.stderr.write(`${warning}\n`);
  const commands = COMMANDS[command](app, options);
  for (const args of commands) await az.json(...args);
  process.stdout.write(
    `${app.name} (${app.location}): ${command} ${commands.length > 0 ? 'done' : 'changes nothing'}\n`,
  );
}

/** @returns how the app stands. @throws Refusal where its region does not answer */
async function reached(az, listed) {
  const app = await findApp(az, listed, readLabels);
  if (app) return app;
  throw new Refusal(`it is listed, and not there: az containerapp show -n ${listed.name} -g ${listed.resourceGroup}`);
}

/**
 * In every region even when one refuses, or does not answer: a rollback must not stop half way.
 *
 * @param apps how they stand, or where they are
 */
async function moveAll(az, apps, command, options) {
  const refusals = [];
  for (const one of apps) {
    try {
      const app = URGENT.includes(command) ? await reached(az, one) : one;
      await moveOne(az, app, command, options);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const named = error.message.startsWith(one.name);
      refusals.push(named ? error.message : `${one.name} (${one.location}): ${error.message}`);
      if (command !== 'rollback') break;
    }
  }
  if (refusals.length > 0) throw new Refusal(refusals.join('\n'));
}

/** A rollback by hand in the first region stops a release before it begins in the second one. @throws Refusal */
function firstHasIt([first], { suffix }) {
  const label = first.suffixes[first.production] === suffixNamed(suffix) ? first.production : first.idle;
  if (first.suffixes[label] !== suffixNamed(suffix) || first.weights[label] === 0)
    throw new Refusal(
      `${first.name} (${first.location}): ${suffix} has no traffic in the first region, or not any more: a canary begins there; run the release again if somebody has taken it back.`,
    );
}

await told(async () => {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined) throw new Refusal(`A command is missing.\n\n${USAGE}`);
  if (command === '--help' || args.includes('--help')) return void process.stdout.write(`${USAGE}\n`);
  if (command !== 'status' && !Object.hasOwn(COMMANDS, command))
    throw new Refusal(`${command}: there is no such command.\n\n${USAGE}`);
  const options = optionsOf(args);
  checkOptions(command, options);
  const az = new AzureCli();
  const apps = await (URGENT.includes(command) ? listApps : readApps)(az, process.env);
  if (apps.length === 0) {
    const none = `No app carries the tag azd-env-name=${process.env.AZURE_ENV_NAME}`;
    if (options['if-there']) return void process.stdout.write(`${none}: nothing to go back from.\n`);
    throw new Refusal(`${none}: is AZURE_ENV_NAME right, does az use its subscription, and has it been deployed?`);
  }
  if (command === 'status') return status(apps, options);
  const picked = chosen(apps, options.region);
  if (command === 'canary' && options.region === 'second') firstHasIt(apps, options);
  await moveAll(az, picked, command, options);
});

// Watches a canary: asks the workspace once a minute how both revisions do, and the gate what to make of it (docs/RELEASE.md):
// node tools/release/watch.mjs --old A --new B. Plain JavaScript without packages; the gate needs `npm ci`.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AzureCli, Refusal, told } from '../azd/azure-cli.mjs';

const USAGE = `Usage: node tools/release/watch.mjs --old REVISION --new REVISION [options]   exit code 0: promote; 3: go back
  --workspace ID     customer id of the workspace (default: LOG_ANALYTICS_WORKSPACE_ID)
  --gate COMMAND     makes the query and decides by exit code: 0 promote, 3 rollback, 1 hold (default npm run -s gate --)
  --minutes N        how long at least (default 15)
  --grace N          minutes more for which it may hold (default 5)
  --every S          seconds between two looks (default 60)
  --weight PERCENT   of the traffic that the new revision has; the gate is told (default: not told)
  --standby-ok       a region without any request in all this time follows the first one: exit code 0`;
const OPTIONS = {
  old: '',
  new: '',
  workspace: process.env.LOG_ANALYTICS_WORKSPACE_ID ?? '',
  gate: 'npm run -s gate --',
  minutes: '15',
  grace: '5',
  every: '60',
  weight: '',
  'standby-ok': false,
};
/** Those that take no value. */
const FLAGS = ['standby-ok'];
const PROMOTE = 0;
const ROLLBACK = 3;
const HOLD = 1;
/** In a row; more, and nobody is watching. */
const MOST_FAILED_LOOKS = 3;
const MS_PER_MINUTE = 60_000;
/** Container Apps' rules; they stand in a command and a query, so nothing else may. */
const REVISION = /^[a-z][a-z0-9-]{1,60}$/;

function optionsOf(args) {
  const options = { ...OPTIONS };
  for (let i = 0; i < args.length; i += 1) {
    const name = args[i].replace(/^--/, '');
    const isFlag = FLAGS.includes(name);
    if (!Object.hasOwn(options, name) || (!isFlag && args[i + 1] === undefined))
      throw new Refusal(`${args[i]}: no such option, or it has no value.\n\n${USAGE}`);
    options[name] = isFlag || args[(i += 1)];
  }
  for (const side of ['old', 'new'])
    if (!REVISION.test(options[side]))
      throw new Refusal(`--${side} "${options[side]}": must be the name of a revision.`);
  if (!/^[0-9a-f-]{36}$/i.test(options.workspace))
    throw new Refusal(
      `--workspace "${options.workspace}": must be the customer id of the workspace (LOG_ANALYTICS_WORKSPACE_ID).`,
    );
  for (const name of ['minutes', 'grace', 'every'])
    if (!(Number(options[name]) > 0)) throw new Refusal(`--${name} ${options[name]}: must be a number above 0.`);
  if (options.weight !== '' && !/^[1-9]\d?$/.test(options.weight))
    throw new Refusal(`--weight ${options.weight}: must be a whole number from 1 to 99, in percent.`);
  return options;
}

/** @returns exit code and standard output of the gate; what it says goes to the log of the release */
function ask(command, args) {
  return new Promise((settle, reject) => {
    const child = spawn([command, ...args].join(' '), { shell: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const out = [];
    child.stdout.on('data', (data) => out.push(data));
    child.once('error', reject);
    child.once('close', (code) => settle({ code, text: Buffer.concat(out).toString('utf8').trim() }));
  });
}

/** One look. @returns the exit code of the gate, and whether either revision has had a request since the beginning */
async function look(az, { workspace, gate, old, new: fresh, weight }, since, folder) {
  const compared = ['--old', old, '--new', fresh, '--since', since];
  const query = await ask(gate, ['--query', ...compared]);
  if (query.code !== 0) throw new Refusal(`The gate made no query (exit code ${query.code}).`);
  const rows = await az.json('monitor', 'log-analytics', 'query', '-w', workspace, '--analytics-query', query.text);
  const file = join(folder, 'rows.json');
  writeFileSync(file, JSON.stringify(rows));
  const decision = await ask(gate, ['--rows', file, ...compared, ...(weight === '' ? [] : ['--weight', weight])]);
  process.stdout.write(`${decision.text}\n`);
  if (![PROMOTE, ROLLBACK, HOLD].includes(decision.code))
    throw new Refusal(`The gate ended with exit code ${decision.code}.`);
  return { code: decision.code, idle: rows.every(({ requests }) => Number(requests) === 0) };
}

/** @returns what was seen, or `null` where nothing could be */
async function decide(...looked) {
  try {
    return await look(...looked);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`${error.message}\n`);
    return null;
  }
}

async function watch(options, folder) {
  const az = new AzureCli();
  const begun = Date.now();
  const since = new Date(begun).toISOString();
  const least = begun + Number(options.minutes) * MS_PER_MINUTE;
  const end = least + Number(options.grace) * MS_PER_MINUTE;
  let seen = null;
  for (let failed = 0; Date.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, Number(options.every) * 1000));
    seen = await decide(az, options, since, folder);
    failed = seen === null ? failed + 1 : 0;
    if (failed > MOST_FAILED_LOOKS) throw new Refusal(`Nothing could be seen of the canary ${failed} times in a row.`);
    if (seen?.code === ROLLBACK) return ROLLBACK;
    if (seen?.code === PROMOTE && Date.now() >= least) return PROMOTE;
  }
  // The last look tells of the whole time; where it failed nobody knows.
  if (options['standby-ok'] && seen?.idle) {
    process.stdout.write(
      "No request in all this time: a standby without traffic follows the first region's verdict.\n",
    );
    return PROMOTE;
  }
  process.stderr.write(
    `After ${options.minutes} minutes and ${options.grace} more the gate still holds: that is no reason to promote.\n`,
  );
  return ROLLBACK;
}

await told(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) return void process.stdout.write(`${USAGE}\n`);
  const options = optionsOf(args);
  const folder = mkdtempSync(join(tmpdir(), 'router-watch-'));
  try {
    return await watch(options, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

// Watches a canary: asks the workspace once a minute how both revisions do, and the gate what to make of it (docs/RELEASE.md):
// node tools/release/watch.mjs --old A --new B. Plain JavaScript without packages; the gate needs `npm ci`.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { AzureCli, Refusal, told } from '../azd/azure-cli.mjs';

const USAGE = `Usage: node tools/release/watch.mjs --old REVISION --new REVISION [options]   exit code 0: promote; 3: go back
  --workspace ID     customer id of the workspace (default: LOG_ANALYTICS_WORKSPACE_ID)
  --query FILE       KQL with {{old}}, {{new}} and {{since}} (default tools/gate/samples.kql)
  --gate COMMAND     reads samples, answers by exit code: 0 promote, 3 rollback, 1 hold (default npm run -s gate)
  --minutes N        how long (default 15)
  --every S          seconds between two looks (default 60)`;
const OPTIONS = {
  old: '',
  new: '',
  workspace: process.env.LOG_ANALYTICS_WORKSPACE_ID ?? '',
  query: 'tools/gate/samples.kql',
  gate: 'npm run -s gate',
  minutes: '15',
  every: '60',
};
const PROMOTE = 0;
const ROLLBACK = 3;
const HOLD = 1;
/** In a row; more, and nobody is watching. */
const MOST_FAILED_LOOKS = 3;
/** Container Apps' rules; they stand in a query, so nothing else may. */
const REVISION = /^[a-z][a-z0-9-]{1,60}$/;

function optionsOf(args) {
  const options = { ...OPTIONS };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i].replace(/^--/, '');
    if (!(name in options) || args[i + 1] === undefined)
      throw new Refusal(`${args[i]}: no such option, or it has no value.\n\n${USAGE}`);
    options[name] = args[i + 1];
  }
  for (const side of ['old', 'new'])
    if (!REVISION.test(options[side]))
      throw new Refusal(`--${side} "${options[side]}": must be the name of a revision.`);
  if (!/^[0-9a-f-]{36}$/i.test(options.workspace))
    throw new Refusal(
      `--workspace "${options.workspace}": must be the customer id of the workspace (LOG_ANALYTICS_WORKSPACE_ID).`,
    );
  for (const name of ['minutes', 'every'])
    if (!(Number(options[name]) > 0)) throw new Refusal(`--${name} ${options[name]}: must be a number above 0.`);
  return options;
}

/** az prints every value of a row as text, and what is missing as an empty one, None or NaN. */
const number = (value) =>
  value === null || ['', 'None', 'NaN', 'null'].includes(String(value)) ? null : Number(value);

const samplesOf = (rows, side) =>
  rows
    .filter((row) => row.side === side)
    .map((row) => ({
      at: row.at,
      requests: number(row.requests) ?? 0,
      errors: number(row.errors) ?? 0,
      p95_ms: number(row.p95_ms),
      cost_usd: number(row.cost_usd),
    }));

async function look(az, { workspace, query, old, new: fresh }, since) {
  const text = readFileSync(query, 'utf8')
    .replaceAll('{{old}}', old)
    .replaceAll('{{new}}', fresh)
    .replaceAll('{{since}}', since);
  const oneLine = text
    .replace(/\/\/.*$/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
  const rows = await az.json('monitor', 'log-analytics', 'query', '-w', workspace, '--analytics-query', oneLine);
  return { old: samplesOf(rows, 'old'), new: samplesOf(rows, 'new') };
}

/** @returns the gate's exit code; what it prints is for the log of the release */
function ask(command, samples) {
  return new Promise((settle, reject) => {
    const child = spawn(command, { shell: true, stdio: ['pipe', 'inherit', 'inherit'] });
    child.once('error', reject).once('exit', (code) => settle(code ?? HOLD));
    child.stdin.on('error', () => undefined); // it may answer without reading all
    child.stdin.end(JSON.stringify(samples));
  });
}

/** One look. @returns the exit code of the gate, or `null` where nothing could be seen */
async function decide(az, options, since) {
  try {
    const code = await ask(options.gate, await look(az, options, since));
    if ([PROMOTE, ROLLBACK, HOLD].includes(code)) return code;
    process.stderr.write(`The gate ended with exit code ${code}.\n`);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`${error.message}\n`);
  }
  return null;
}

await told(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) return void process.stdout.write(`${USAGE}\n`);
  const options = optionsOf(args);
  const az = new AzureCli();
  const since = new Date().toISOString();
  const end = Date.now() + Number(options.minutes) * 60_000;
  let last = HOLD;
  let failed = 0;
  do {
    await new Promise((resolve) => setTimeout(resolve, Number(options.every) * 1000));
    const decision = await decide(az, options, since);
    failed = decision === null ? failed + 1 : 0;
    last = decision ?? HOLD; // what was seen before may have changed since
    if (failed > MOST_FAILED_LOOKS) throw new Refusal(`Nothing could be seen of the canary ${failed} times in a row.`);
  } while (last !== ROLLBACK && Date.now() < end);
  if (last === HOLD)
    process.stderr.write(`After ${options.minutes} minutes the gate still holds: that is no reason to promote.\n`);
  return last === PROMOTE ? PROMOTE : ROLLBACK;
});

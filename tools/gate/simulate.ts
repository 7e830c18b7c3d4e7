// node tools/run.mjs tools/gate/simulate.ts: how often the gate errs, over simulated releases; the table of docs/RELEASE.md.
import { readOptions, runCommand, UsageError } from '../command.js';
import { outcomes, SCENARIOS } from './simulated-releases.js';

const USAGE = `Usage: node tools/run.mjs tools/gate/simulate.ts [--runs <n>]
How often the gate promotes, holds and goes back, over simulated releases that are looked at once a minute (default 1000 runs).`;

await runCommand(USAGE, () => {
  const { runs } = readOptions({ runs: { type: 'string', default: '1000' } });
  const count = Number(runs);
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`--runs takes a whole number from 1, not "${runs}"`);
  console.log('| release | new requests a minute | promote | hold | rollback | median minute of rollback |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
  for (const { name, traffic } of SCENARIOS) {
    const { promote, hold, rollback, rollbackMinute } = outcomes(traffic, count);
    const shares = [promote, hold, rollback].map((share) => `${(share * 100).toFixed(1)} %`);
    console.log(`| ${[name, traffic.requestsPerMinute, ...shares, rollbackMinute ?? ''].join(' | ')} |`);
  }
});

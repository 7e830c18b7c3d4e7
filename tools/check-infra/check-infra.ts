// npm run check:infra: everything under infra/, one check after the other. A check is a file of this folder.
import { readOptions, runCommand } from '../command.js';
import { CHECKS } from './checks.js';

const USAGE = `Usage: npm run check:infra
Checks everything under infra/: ${CHECKS.map(({ name }) => name).join(', ')}.
Exit code 1 when something is wrong; each finding has its file, its line and what mends it.`;

const MS_PER_SECOND = 1000;

await runCommand(USAGE, async () => {
  readOptions({}); // it takes none
  let failed = 0;
  const root = process.cwd();
  for (const { name, run, missing } of CHECKS) {
    const reason = await missing?.();
    if (typeof reason === 'string') {
      console.log(`--   ${name}: ${reason}`);
      continue;
    }
    const begun = performance.now();
    const findings = await run(root);
    const seconds = ((performance.now() - begun) / MS_PER_SECOND).toFixed(1);
    console.log(`${findings.length === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
    for (const { file, line, problem, cure } of findings) console.log(`  ${file}:${line}: ${problem}\n    ${cure}`);
    failed += findings.length;
  }
  if (failed > 0) console.log(`${failed} finding(s).`);
  return failed > 0 ? 1 : 0;
});

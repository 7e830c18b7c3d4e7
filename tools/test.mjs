// npm test: everything the tests need, then every test. Arguments go to jest: npm test -- sessions
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ensureBuildah } from './buildah.mjs';
import { canInstall, installPackages } from './debian-packages.mjs';
import { ensurePromtool } from './promtool.mjs';
import { ensureBuilt, ensureInstalled, main, node24, programEnv, root, run, SetupError } from './setup.mjs';

const succeeds = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** The session and cache tests talk to a real redis-server; a stand-in would agree with our mistakes. */
function ensureRedis() {
  if (succeeds('redis-server', ['--version'])) return;
  if (canInstall() && installPackages('redis-server') && succeeds('redis-server', ['--version'])) return;
  throw new SetupError(
    'The tests need a real redis-server on PATH: install it (e.g. apt-get install redis-server) and try again.',
  );
}

/** What a jest report says; a file that could not even be loaded counts as one failure. */
function readReport(report) {
  if (!existsSync(report)) return { passed: 0, failed: 1, names: [] };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const names = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName }) => `${relative(root, name)}: ${fullName}`),
  );
  return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites, names };
}

/** Runs the tests of one project of jest.config.mjs. */
async function runProject(project, args) {
  const directory = mkdtempSync(join(tmpdir(), 'router-tests-'));
  const report = join(directory, 'report.json');
  const jest = [
    join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
    `--selectProjects=${project}`,
    '--passWithNoTests',
    '--json',
    `--outputFile=${report}`,
  ];
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  // With --json jest prints the report itself on standard output; people read its standard error.
  const code = await run(node24, [...flags, ...jest, ...args], {
    env: programEnv(),
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  const result = readReport(report);
  rmSync(directory, { recursive: true, force: true });
  return { code, ...result };
}

await main(async () => {
  await ensureInstalled();
  await ensureBuilt();
  ensureRedis();
  ensurePromtool();
  ensureBuildah();
  const args = process.argv.slice(2);
  const saysHow = args.some((arg) => /^(-i|-w|--runInBand|--maxWorkers)/.test(arg)); // jest takes it once
  const runs = [
    await runProject('side by side', [...(saysHow ? [] : ['--maxWorkers=2']), ...args]),
    await runProject('alone', [...(saysHow ? [] : ['--maxWorkers=1']), ...args]),
  ];
  const passed = runs.reduce((sum, run) => sum + run.passed, 0);
  const failed = runs.reduce((sum, run) => sum + run.failed, 0);
  for (const name of runs.flatMap(({ names }) => names)) process.stderr.write(`FAILED ${name}\n`);
  if (passed + failed === 0) process.stderr.write('No test was found.\n');
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return runs.every(({ code }) => code === 0) && passed > 0 && failed === 0 ? 0 : 1;
});

// npm test: everything the tests need, then every test. Arguments go to jest: npm test -- sessions
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, main, node24, programEnv, root, run, SetupError } from './setup.mjs';

const succeeds = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** The session and cache tests talk to a real redis-server; a stand-in would agree with our mistakes. */
function ensureRedis() {
  if (succeeds('redis-server', ['--version'])) return;
  const canInstall = process.getuid?.() === 0 && succeeds('apt-get', ['--version']);
  if (canInstall) {
    process.stderr.write('Installing redis-server (apt-get) ...\n');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (...args) => spawnSync('apt-get', ['-qq', ...args], { stdio: 'ignore', env }).status === 0;
    const install = () => apt('install', '-y', '--no-install-recommends', 'redis-server');
    if ((install() || (apt('update') && install())) && succeeds('redis-server', ['--version'])) return;
  }
  throw new SetupError(
    'The tests need a real redis-server on PATH: install it (e.g. apt-get install redis-server) and try again.',
  );
}

/** Counts of a jest report; a file that could not even be loaded counts as one failure. */
function countTests(report) {
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(report, 'utf8'));
  return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
}

await main(async () => {
  await ensureInstalled();
  await ensureBuilt();
  ensureRedis();
  const directory = mkdtempSync(join(tmpdir(), 'router-tests-'));
  const report = join(directory, 'report.json');
  const jest = [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--json', `--outputFile=${report}`];
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  // With --json jest prints the report itself on standard output; people read its standard error.
  const code = await run(node24, [...flags, ...jest, ...process.argv.slice(2)], {
    env: programEnv(),
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  const { passed, failed } = countTests(report);
  rmSync(directory, { recursive: true, force: true });
  if (passed + failed === 0) process.stderr.write('No test was found.\n');
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return code === 0 && passed > 0 && failed === 0 ? 0 : 1;
});

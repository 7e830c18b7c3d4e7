// npm run check: format, lint, types, architecture rules, the OpenAPI document, known vulnerabilities and unit tests, two at
// a time.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, main, node24, programEnv, root } from './setup.mjs';

const AT_ONCE = 2;
const cached = (name) => join('node_modules', '.cache', 'router-check', name);
const bin = (...path) => join('node_modules', ...path);

/** The longest first: what is started last should not be waited for. */
const STEPS = [
  { name: 'lint', args: [bin('eslint', 'bin', 'eslint.js'), '--max-warnings', '0', '.'] },
  {
    name: 'unit tests',
    args: [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      bin('jest', 'bin', 'jest.js'),
      '--selectProjects=side by side',
      '--testMatch=<rootDir>/src/**/*.spec.ts',
      '--ci',
    ],
  },
  {
    name: 'types',
    args: [
      bin('typescript', 'bin', 'tsc'),
      '--noEmit',
      '--incremental',
      '--tsBuildInfoFile',
      cached('types.tsbuildinfo'),
    ],
  },
  {
    name: 'format',
    args: [
      bin('prettier', 'bin', 'prettier.cjs'),
      '--check',
      '--cache',
      '--cache-location',
      cached('prettier'),
      '--log-level',
      'warn',
      '.',
    ],
  },
  { name: 'OpenAPI document', args: [join('tools', 'lint-openapi.mjs')] },
  { name: 'vulnerabilities', args: [join('tools', 'audit.ts')], tells: true },
  { name: 'architecture', args: [bin('dependency-cruiser', 'bin', 'dependency-cruiser.mjs'), 'src', '--config'] },
];

/** Runs one step; its output is shown only when it fails, or `tells` something in any case. */
function runStep({ name, args, tells = false }) {
  const begun = Date.now();
  return new Promise((settle, reject) => {
    const child = spawn(node24, args, { cwd: root, env: programEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    child.stdout.on('data', (data) => output.push(data));
    child.stderr.on('data', (data) => output.push(data));
    child.once('error', reject);
    child.once('close', (code) => {
      const seconds = ((Date.now() - begun) / 1000).toFixed(1);
      process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)\n`);
      if (code !== 0 || tells) process.stdout.write(`${Buffer.concat(output).toString().trimEnd()}\n`);
      settle(code === 0);
    });
  });
}

await main(async () => {
  await ensureInstalled();
  const waiting = [...STEPS];
  const results = [];
  const worker = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) results.push(await runStep(step));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results.every(Boolean) ? 0 : 1;
});

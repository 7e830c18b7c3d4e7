// What every command needs before it can run: the packages and the compiled code. Plain JavaScript without packages,
// for Node 18 and later: it runs before anything is installed, on whatever Node the machine has.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => join(root, ...parts);
const windows = process.platform === 'win32';

/** Node 24, from the npm package `node`, whatever runs this script. */
export const node24 = inRoot('node_modules', 'node', 'bin', windows ? 'node.exe' : 'node');

const INSTALL_STAMP = inRoot('node_modules', '.router-install');
const BUILD_STAMP = inRoot('dist', '.build-stamp');
const BUNDLER = inRoot('tools', 'bundle.mjs');
const BUILD_INPUTS = ['.swcrc', 'nest-cli.json', 'tsconfig.json', 'package-lock.json', relative(root, BUNDLER)];
const CACHE = inRoot('node_modules', '.cache', 'router');
const LOG_TAIL_LINES = 30;

/** A step failed for a reason that a person can mend; the message is all they need. */
export class SetupError extends Error {}

const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : null);
const sha256 = (...parts) =>
  parts.reduce((hash, part) => hash.update(part).update('\0'), createHash('sha256')).digest('hex');

/** Prints one line when it begins and its time when it ends. Standard error: standard output belongs to the program. */
async function announced(quiet, title, work) {
  const begun = Date.now();
  if (!quiet) process.stderr.write(`${title} ... `);
  try {
    await work();
    if (!quiet) process.stderr.write(`done in ${((Date.now() - begun) / 1000).toFixed(1)} s\n`);
  } catch (error) {
    if (!quiet) process.stderr.write('failed\n');
    throw error;
  }
}

/** Runs a program with its output in a file; the end of it is shown only when it fails. */
async function runLogged(name, command, args, options, advice) {
  const directory = mkdtempSync(join(tmpdir(), 'hybrid-llm-router-'));
  const log = join(directory, `${name}.log`);
  const output = openSync(log, 'a');
  const code = await run(command, args, { cwd: root, ...options, stdio: ['ignore', output, output] });
  if (code !== 0) {
    const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
    throw new SetupError(`${tail}\n\n${advice} (exit code ${code}; whole output: ${log})`);
  }
  rmSync(directory, { recursive: true, force: true });
}

/** Resolves with the exit code; a program that cannot be started has 127, as in a shell. */
export function run(command, args, options = {}) {
  return new Promise((settle) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    child.once('error', () => settle(127));
    child.once('exit', (code, signal) => settle(signal ? 128 : code));
  });
}

/** The environment of our programs: Node 24 first on PATH, compiled code cached between starts. */
export function programEnv(extra = {}) {
  const path = [inRoot('node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);
  return { ...process.env, PATH: path, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? CACHE, ...extra };
}

/** npm as it was called, or the one on PATH. Never run by the Node inside node_modules, which `npm ci` deletes. */
function npmCommand() {
  const script = process.env.npm_execpath ?? '';
  if (basename(script).startsWith('npm-cli') && !process.execPath.startsWith(inRoot('node_modules'))) {
    return { command: process.execPath, args: [script], options: {} };
  }
  const path = (process.env.PATH ?? '').split(delimiter).filter((part) => !part.startsWith(inRoot('node_modules')));
  const env = { ...process.env, PATH: path.join(delimiter) };
  return { command: windows ? 'npm.cmd' : 'npm', args: [], options: { env, shell: windows } };
}

/** Whether somebody's own `npm ci` or `npm install` has already put in place what the lock file says. */
function installedMatchesLock(lockText) {
  const hidden = read(inRoot('node_modules', '.package-lock.json'));
  if (hidden === null || !existsSync(node24)) return false;
  const installed = JSON.parse(hidden).packages;
  const wanted = Object.entries(JSON.parse(lockText).packages).filter(([path]) => path !== '');
  return wanted.every(([path, { version, optional }]) => optional || installed[path]?.version === version);
}

/** Installs what the lock file says, unless that was done. Development packages too: the build needs them. */
export async function ensureInstalled({ quiet = false } = {}) {
  const lock = read(inRoot('package-lock.json')) ?? '';
  const { dependencies, devDependencies } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  const stamp = sha256(lock, JSON.stringify([dependencies, devDependencies]), process.platform, process.arch);
  if (read(INSTALL_STAMP) === stamp && existsSync(node24)) return;
  if (!installedMatchesLock(lock)) {
    const { command, args, options } = npmCommand();
    const advice =
      'The packages could not be installed. Check the network and the registry (npm ping), then try again.';
    await announced(quiet, 'Installing packages (once, about a minute)', () =>
      runLogged('npm-ci', command, [...args, 'ci', '--include=dev', '--no-audit', '--no-fund'], options, advice),
    );
  }
  if (!existsSync(node24)) {
    throw new SetupError(
      'npm did not install Node 24 (package "node"), probably because install scripts are switched off. ' +
        'Run: npm rebuild node --ignore-scripts=false',
    );
  }
  writeFileSync(INSTALL_STAMP, stamp);
}

function* filesUnder(directory) {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}

/** A hash of everything the compiled code depends on; about 10 ms. */
export function sourceStamp(directories, ignored = () => false) {
  const files = directories
    .filter((directory) => existsSync(inRoot(directory)))
    .flatMap((directory) => [...filesUnder(inRoot(directory))])
    .filter((file) => !ignored(file));
  const inputs = [...BUILD_INPUTS.map((name) => inRoot(name)).filter(existsSync), ...files];
  return sha256(...inputs.flatMap((file) => [file.slice(root.length), readFileSync(file)]));
}

/** Compiles src/ to dist/, unless dist/ is already what src/ would give. */
export async function ensureBuilt({ quiet = false } = {}) {
  const stamp = sourceStamp(['src'], (file) => file.endsWith('.spec.ts'));
  if (read(BUILD_STAMP) === stamp) return;
  const nest = inRoot('node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  const compile = (...args) =>
    runLogged('build', node24, args, { env: programEnv() }, 'The source could not be compiled.');
  await announced(quiet, 'Compiling', async () => {
    await compile(nest, 'build');
    await compile(BUNDLER);
  });
  mkdirSync(inRoot('dist'), { recursive: true });
  writeFileSync(BUILD_STAMP, stamp);
}

/** Runs a tool's main function; a SetupError is shown without a stack. */
export async function main(work) {
  try {
    const code = await work();
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = 1;
  }
}

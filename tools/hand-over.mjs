// Ends a tool by becoming the program it has prepared.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { node24, programEnv, root } from './setup.mjs';

const PARENT_CHECK_MS = 500;
const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** npm's shell dies of a signal without passing it on; this process then has another parent. */
function watchShell(onGone) {
  const parent = process.ppid;
  if (!process.env.npm_lifecycle_event) return;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, PARENT_CHECK_MS);
  timer.unref();
}

/**
 * Runs Node 24 with these arguments in place of this process. Node 24 can replace itself (POSIX execve): no second
 * process, and signals need no forwarding. An older Node starts a child, hands signals on and takes over its exit code.
 */
export function handOver(args, { env = {}, cwd = root } = {}) {
  const all = ['--disable-warning=ExperimentalWarning', ...args];
  const environment = programEnv(env);
  if (process.execve && process.platform !== 'win32') {
    process.removeAllListeners('warning'); // execve calls itself experimental
    process.chdir(cwd);
    process.execve(node24, [node24, ...all], environment);
  }
  const child = spawn(node24, all, { cwd, env: environment, stdio: 'inherit' });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  watchShell(() => child.kill('SIGTERM'));
  return new Promise((settle, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => settle(signal ? 128 + constants.signals[signal] : code));
  });
}

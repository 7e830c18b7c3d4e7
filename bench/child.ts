import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Tells the parent process the port; a child without its parent ends itself. */
export function announce(server: Server): void {
  process.send?.({ port: (server.address() as AddressInfo).port });
  process.once('disconnect', () => process.exit(0));
}

export interface BenchChild {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const START_MS = 10_000;

/** Starts a file beside this one on the same Node and waits for its port. @throws Error when it does not come */
export async function startChild(
  name: 'upstream' | 'bare-proxy' | 'otlp-sink',
  args: readonly string[] = [],
): Promise<BenchChild> {
  const child = spawnBench(name, args);
  const port = await portOf(child, name).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    port,
    pid: child.pid as number,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/**
 * Runs a file beside this one to its end.
 *
 * @returns what it sends
 * @throws Error when it ends without a word
 */
export async function childResult<T>(name: 'call-path' | 'decision-path', args: readonly number[]): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'router-bench-'));
  const child = spawnBench(name, args.map(String), { ROUTER_DATA_DIR: directory });
  try {
    return await new Promise<T>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`bench/${name} exited with ${code}`)));
      child.once('message', (message) => resolve(message as T));
    });
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

function spawnBench(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const file = fileURLToPath(new URL(`./${name}${extname(fileURLToPath(import.meta.url))}`, import.meta.url));
  return spawn(process.execPath, [...process.execArgv, file, ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
}

function portOf(child: ChildProcess, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`bench/${name} did not start in ${START_MS} ms`)), START_MS);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`bench/${name} exited with ${code}`)));
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve((message as { port: number }).port);
    });
  });
}

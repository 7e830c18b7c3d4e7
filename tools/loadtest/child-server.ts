import { fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A server in a process of its own, so that the load generator does not wait for it. */
export interface ChildServer {
  readonly url: string;
  end(): Promise<void>;
}

/** Resolves when it has told its address. @throws Error when it ends before */
export async function startChildServer(
  name: 'round-robin' | 'model-server',
  args: readonly string[] = [],
): Promise<ChildServer> {
  const here = fileURLToPath(import.meta.url);
  const file = fileURLToPath(new URL(`./${name}.process${extname(here)}`, import.meta.url));
  const child = fork(file, [...args], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  const early = exited.then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)));
  early.catch(() => undefined); // after the start it is ended from here
  const [{ url }] = (await Promise.race([once(child, 'message'), early])) as [{ url: string }];
  return {
    url,
    end: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

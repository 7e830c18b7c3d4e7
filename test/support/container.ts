import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Image, ImageConfig } from './image-builder.js';
import { eventually } from './router-calls.js';

const run = promisify(execFile);
const CAPABILITIES = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'];
const ID = 'router';
const START_MS = 20_000;

export interface ContainerOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Path in the container -> path here, to be read only. */
  readonly files?: Readonly<Record<string, string>>;
  /** Mounts a folder that can be written to at /app/data. */
  readonly withVolume: boolean;
}

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/**
 * The image, run by runc as an orchestrator would run it: the user, environment and command that the image names, process 1 of
 * its own process space, no capability, no new privileges, the root file system read-only. It has the network of this machine.
 */
export class Container {
  /** The volume of /app/data. */
  readonly data: string;
  readonly exited: Promise<number | null>;

  private constructor(
    private readonly folder: string,
    child: ChildProcess,
  ) {
    this.data = join(folder, 'data');
    this.exited = new Promise((settle, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => settle(code));
    });
    this.exited.catch(() => undefined);
  }

  static async start(image: Image, options: ContainerOptions): Promise<Container> {
    const folder = mkdtempSync(join(tmpdir(), 'router-container-'));
    const [uid = 0, gid = 0] = image.config.User.split(':').map(Number);
    mkdirSync(join(folder, 'data'));
    chownSync(join(folder, 'data'), uid, gid);
    const specification = specificationOf(image, options, { uid, gid }, join(folder, 'data'));
    writeFileSync(join(folder, 'config.json'), JSON.stringify(specification));
    const output = openSync(join(folder, 'output.log'), 'a');
    const child = spawn('runc', ['--root', join(folder, 'state'), 'run', '--bundle', folder, ID], {
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    const container = new Container(folder, child);
    try {
      await eventually('it listens', START_MS, () => container.output.includes('listening on'));
    } catch (error) {
      const { output } = container;
      await container.remove();
      throw new Error(`the container does not listen. Its output:\n${output}`, { cause: error });
    }
    return container;
  }

  get output(): string {
    return readFileSync(join(this.folder, 'output.log'), 'utf8');
  }

  /** The lines of /proc/<pid>/status of its first process. */
  async status(): Promise<Readonly<Record<string, string>>> {
    const { stdout } = await this.runc('state', ID);
    const { pid } = JSON.parse(stdout) as { readonly pid: number };
    const lines = readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n');
    return Object.fromEntries(lines.map((line) => line.split(/:\s+/, 2) as [string, string]));
  }

  /** Runs a command beside the service; resolves with its exit code and what it printed. */
  exec(
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; stdout: string }> {
    const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    return this.runc('exec', ...variables, ID, ...command).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );
  }

  async signal(name: string): Promise<void> {
    await this.runc('kill', ID, name);
  }

  /** Whatever state it is in. */
  async remove(): Promise<void> {
    await this.runc('delete', '--force', ID);
    await this.exited;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private runc(...args: string[]) {
    return run('runc', ['--root', join(this.folder, 'state'), ...args]);
  }
}

function specificationOf(
  { config, root }: Image,
  { env, files = {}, withVolume }: ContainerOptions,
  user: { readonly uid: number; readonly gid: number },
  data: string,
): object {
  const bound = (destination: string, source: string, mode: 'ro' | 'rw'): Mount => ({
    destination,
    type: 'bind',
    source,
    options: ['bind', mode],
  });
  const mounts: Mount[] = [
    { destination: '/proc', type: 'proc', source: 'proc', options: [] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
    ...(withVolume ? [bound('/app/data', data, 'rw')] : []),
    ...Object.entries(files).map(([destination, source]) => bound(destination, source, 'ro')),
  ];
  return {
    ociVersion: '1.0.0',
    process: { ...processOf(config, env), user },
    root: { path: root, readonly: true },
    mounts,
    linux: { namespaces: ['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })) },
  };
}

const processOf = (config: ImageConfig, env: Readonly<Record<string, string>>): object => ({
  terminal: false,
  args: config.Entrypoint,
  env: [...config.Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)],
  cwd: config.WorkingDir,
  capabilities: Object.fromEntries(CAPABILITIES.map((kind) => [kind, []])),
  noNewPrivileges: true,
});

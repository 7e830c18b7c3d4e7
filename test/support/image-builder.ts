import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { debs, makeDebianBase, npmFolder } from './debian-base.js';

const run = promisify(execFile);
const MOST_OUTPUT_BYTES = 67_108_864;
const BASE = 'localhost/router-base';
/** npm opens thousands of files of its cache at once, more than buildah lets it by itself. */
const FILES = '--ulimit=nofile=16384:16384';
/** Where the build finds what npm has on this machine. */
const MACHINE = '/run/machine';

const isThere = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** Why no image can be built and run here; null = it can. */
export function whyNoImages(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it needs Linux, as root';
  const missing = ['buildah', 'runc'].filter((program) => !isThere(program));
  if (missing.length > 0) return `it needs ${missing.join(' and ')} on PATH (Debian: apt-get install buildah runc)`;
  if (debs().length === 0) return 'it needs packages of Debian for its base (node tools/buildah.mjs fetches them)';
  return npmFolder() === null ? 'it needs npm on PATH' : null;
}

/** What an image says of itself, in Docker's names. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly WorkingDir: string;
  readonly StopSignal: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

export interface Image {
  readonly config: ImageConfig;
  /** Bytes of the layers that it has beyond its base. */
  readonly addedBytes: number;
  /** Its files, to be read. */
  readonly root: string;
}

/** buildah with a storage of its own, below a folder that is removed at the end. */
export class ImageBuilder {
  readonly folder = mkdtempSync(join(tmpdir(), 'router-image-'));

  /** The root of the base image. */
  async makeBase(): Promise<string> {
    const folder = join(this.folder, 'base');
    mkdirSync(folder);
    await makeDebianBase(folder);
    const file = join(this.folder, 'base.Dockerfile');
    writeFileSync(file, 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n');
    await this.buildah('build', '--isolation=chroot', '-f', file, '-t', BASE, folder);
    return folder;
  }

  /** @param args of the build, such as `REVISION=abc` */
  async build(context: string, args: readonly string[]): Promise<Image> {
    const buildArgs = [`NODE_IMAGE=${BASE}`, ...args].flatMap((arg) => ['--build-arg', arg]);
    // Without --format=docker there is no HEALTHCHECK: OCI's format does not know it.
    const how = ['--isolation=chroot', '--network=host', '--pull-never', '--format=docker', FILES];
    const image = 'localhost/router';
    await this.buildah('build', ...how, ...buildArgs, ...this.npmOfThisMachine(), '-t', image, context);
    const { Docker, Manifest } = JSON.parse(await this.buildah('inspect', '--type=image', image)) as {
      readonly Docker: { readonly config: ImageConfig };
      readonly Manifest: string;
    };
    const [, ...added] = (JSON.parse(Manifest) as { readonly layers: readonly { readonly size: number }[] }).layers;
    const addedBytes = added.reduce((sum, { size }) => sum + size, 0);
    return { config: Docker.config, addedBytes, root: await this.mounted(image) };
  }

  /** The files that a build of this folder could copy. */
  async contextOf(folder: string): Promise<string> {
    const file = join(this.folder, 'context.Dockerfile');
    writeFileSync(file, 'FROM scratch\nCOPY . /\n');
    await this.buildah('build', '--isolation=chroot', '-f', file, '-t', 'localhost/context', folder);
    return this.mounted('localhost/context');
  }

  async close(): Promise<void> {
    await this.buildah('umount', '--all');
    await this.buildah('rm', '--all');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async mounted(image: string): Promise<string> {
    const container = (await this.buildah('from', '--pull-never', image)).trim();
    return (await this.buildah('mount', container)).trim();
  }

  /** Registry, sign-in and certificates as a secret, and npm's cache as a folder beside: nothing of it is in a layer. */
  private npmOfThisMachine(): string[] {
    const { env } = process;
    const userConfig = env['npm_config_userconfig'] ?? join(homedir(), '.npmrc');
    const cache = env['npm_config_cache'] ?? join(homedir(), '.npm');
    mkdirSync(cache, { recursive: true });
    const lines = [existsSync(userConfig) ? readFileSync(userConfig, 'utf8') : '', 'prefer-offline=true'];
    if (env['npm_config_registry']) lines.push(`registry=${env['npm_config_registry']}`);
    const volumes = [`${cache}:${MACHINE}/npm`];
    lines.push(`cache=${MACHINE}/npm`);
    if (env['NODE_EXTRA_CA_CERTS']) {
      volumes.push(`${env['NODE_EXTRA_CA_CERTS']}:${MACHINE}/ca.pem:ro`);
      lines.push(`cafile=${MACHINE}/ca.pem`);
    }
    const npmrc = join(this.folder, 'npmrc');
    const known = lines.join('\n').replace(/\$\{(\w+)\}/g, (as, name: string) => env[name] ?? as);
    writeFileSync(npmrc, `${known}\n`, { mode: 0o600 });
    return [`--secret=id=npmrc,src=${npmrc}`, ...volumes.map((volume) => `--volume=${volume}`)];
  }

  private async buildah(...args: string[]): Promise<string> {
    const storage = ['--root', join(this.folder, 'storage'), '--runroot', join(this.folder, 'run')];
    const all = [...storage, '--storage-driver', 'vfs', ...args];
    const { stdout } = await run('buildah', all, { maxBuffer: MOST_OUTPUT_BYTES });
    return stdout;
  }
}

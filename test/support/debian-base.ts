import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Where tools/buildah.mjs puts them. */
export const DEBS = 'node_modules/.cache/router-image/debs';
/** Folders that Debian has under /usr. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];
const STICKY_FOR_ALL = 0o1777;
const UNPACK = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"';

export const debs = (): string[] => {
  try {
    return readdirSync(DEBS).filter((name) => name.endsWith('.deb'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

/** The folder of the npm that people call on this machine, not of one below node_modules. */
export function npmFolder(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((path) => !path.includes('node_modules'));
  for (const folder of folders) {
    try {
      return dirname(dirname(realpathSync(join(folder, 'npm')))); // npm/bin/npm-cli.js
    } catch {
      // not in this one
    }
  }
  return null;
}

/**
 * A small Debian with Node 24 and npm, and the user 1000 `node`, as the official image of Node is one. Packages are only
 * unpacked: none of their scripts runs.
 *
 * @param root an empty folder
 */
export async function makeDebianBase(root: string): Promise<void> {
  for (const name of MERGED) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(join('usr', name), join(root, name));
  }
  for (const name of debs()) await run('sh', ['-ec', UNPACK, 'sh', join(DEBS, name), root]);
  chmodSync(join(root, 'tmp'), STICKY_FOR_ALL);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  mkdirSync(join(root, 'home/node'), { recursive: true });
  chownSync(join(root, 'home/node'), 1000, 1000);
  addNode(root);
}

function addNode(root: string): void {
  const npm = npmFolder();
  if (npm === null) throw new Error('there is no npm on PATH');
  const local = join(root, 'usr/local');
  for (const name of ['bin', 'lib/node_modules']) mkdirSync(join(local, name), { recursive: true });
  cpSync('node_modules/node/bin/node', join(local, 'bin/node'), { dereference: true });
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
}

// npm run sbom: what runs in production, as CycloneDX (sbom.cdx.json, or the file that is named), for a release. Plain
// JavaScript for Node 18 and later; reads the lock file alone.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { main, root, SetupError } from './setup.mjs';

const USAGE = 'Usage: npm run sbom -- [FILE]   writes FILE, or sbom.cdx.json';
const windows = process.platform === 'win32';
const json = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));

/**
 * Package and lock file without what is only for development. `npm sbom --omit dev` looks at such packages all the same, and
 * leaves out what both need, two thirds of all.
 */
function production() {
  const manifest = { ...json('package.json'), devDependencies: undefined };
  const lock = json('package-lock.json');
  const packages = Object.entries(lock.packages)
    .filter(([, { dev }]) => !dev)
    .map(([path, entry]) => [path, path === '' ? { ...entry, devDependencies: undefined } : entry]);
  return { manifest, lock: { ...lock, packages: Object.fromEntries(packages) } };
}

function npmSbom(folder) {
  const script = process.env.npm_execpath ?? '';
  const isScript = basename(script).startsWith('npm-cli');
  const command = isScript ? process.execPath : windows ? 'npm.cmd' : 'npm';
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const options = { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, shell: windows && !isScript };
  const { status, stdout, stderr } = spawnSync(command, isScript ? [script, ...args] : args, options);
  if (status === 0) return JSON.parse(stdout);
  throw new SetupError(`npm sbom failed (npm 9.5 or later is needed):\n${stderr}`);
}

await main(async () => {
  const [file = 'sbom.cdx.json', ...rest] = process.argv.slice(2);
  if (rest.length > 0 || file.startsWith('-')) {
    const isHelp = file === '--help' || file === '-h';
    const problem = file.startsWith('-') ? `${file} is no option` : 'one file is enough';
    if (isHelp) process.stdout.write(`${USAGE}\n`);
    else process.stderr.write(`${problem}\n\n${USAGE}\n`);
    return isHelp ? 0 : 2;
  }
  const { manifest, lock } = production();
  const place = mkdtempSync(join(tmpdir(), 'sbom-'));
  try {
    const folder = join(place, manifest.name); // what npm takes for the name of the project
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
    const sbom = npmSbom(folder);
    writeFileSync(resolve(file), `${JSON.stringify(sbom, null, 2)}\n`);
    process.stdout.write(`${file}: ${sbom.components.length} packages (CycloneDX ${sbom.specVersion})\n`);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  return 0;
});

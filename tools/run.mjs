// Runs a TypeScript file of this repository on Node 24: node tools/run.mjs bench/run.ts [arguments]
// A file of src/ runs from dist/, as it does in service. Others are compiled with the same settings into dist-tools/,
// which mirrors the repository, so that `../src/...` finds its file; data files are found from the working directory.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { handOver } from './hand-over.mjs';
import {
  ensureBuilt,
  ensureInstalled,
  main,
  root,
  run,
  node24,
  programEnv,
  SetupError,
  sourceStamp,
} from './setup.mjs';

const OUT = join(root, 'dist-tools');
const STAMP = join(OUT, '.build-stamp');
const SOURCES = ['src', 'bench', 'tools', 'test'];

const isSpec = (file) => file.endsWith('.spec.ts');

/** Runs inside Node 24 (`--compile`), where @swc/core can be loaded. */
async function compileAll() {
  const [{ transformFile }, { globSync }] = await Promise.all([import('@swc/core'), import('node:fs')]);
  const files = SOURCES.flatMap((directory) => globSync(`${directory}/**/*.{ts,json}`, { cwd: root })).filter(
    (file) => !isSpec(file),
  );
  rmSync(OUT, { recursive: true, force: true });
  await Promise.all(
    files.map(async (file) => {
      const target = join(OUT, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      if (file.endsWith('.json')) return writeFileSync(target, readFileSync(join(root, file)));
      const { code } = await transformFile(join(root, file), { sourceMaps: 'inline', cwd: root });
      writeFileSync(target, code);
    }),
  );
}

async function ensureToolsBuilt() {
  const stamp = sourceStamp(SOURCES, isSpec);
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return;
  const code = await run(node24, [join(root, 'tools', 'run.mjs'), '--compile'], {
    env: programEnv(),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (code !== 0) throw new SetupError('The source could not be compiled.');
  writeFileSync(STAMP, stamp);
}

await main(async () => {
  const [file, ...args] = process.argv.slice(2);
  if (file === '--compile') return compileAll();
  const path = file && relative(root, resolve(file));
  if (!path?.endsWith('.ts') || !existsSync(join(root, path))) {
    throw new SetupError('Usage: node tools/run.mjs <file.ts of this repository> [arguments]');
  }
  const quiet = !process.stderr.isTTY;
  await ensureInstalled({ quiet });
  const inSource = path.startsWith(`src${sep}`);
  if (inSource) await ensureBuilt({ quiet });
  else {
    await ensureBuilt({ quiet }); // the bench starts the built service
    await ensureToolsBuilt();
  }
  const built = inSource ? join(root, 'dist', relative('src', path)) : join(OUT, path);
  return handOver(['--enable-source-maps', built.replace(/\.ts$/, '.js'), ...args], { cwd: process.cwd() });
});

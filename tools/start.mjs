// npm start: installs and compiles when needed, then serves. npm run dev (--watch): compiles and restarts on changes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { handOver } from './hand-over.mjs';
import { ensureBuilt, ensureInstalled, main, root } from './setup.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  await ensureInstalled();
  if (args.includes('--watch')) {
    const nest = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
    return handOver([nest, 'start', '--watch', ...args.filter((arg) => arg !== '--watch')]);
  }
  await ensureBuilt();
  const preload = pathToFileURL(join(root, 'tools', 'launched.mjs')).href;
  const flags = JSON.parse(readFileSync(join(root, 'tools', 'node-flags.json'), 'utf8'));
  return handOver([...flags, `--import=${preload}`, join(root, 'dist', 'main.js'), ...args]);
});

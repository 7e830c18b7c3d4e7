// npm start: installs and compiles when needed, then serves. npm run dev (--watch): compiles and restarts on changes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { handOver } from './hand-over.mjs';
import { ensureBuilt, ensureInstalled, main, root, SetupError } from './setup.mjs';

const inRoot = (...parts) => join(root, ...parts);

await main(async () => {
  const args = process.argv.slice(2);
  const unknown = args.find((arg) => arg !== '--watch');
  if (unknown !== undefined) {
    throw new SetupError(
      `${unknown}: npm start and npm run dev take no options. The configuration is router.config.yaml, or the file in ROUTER_CONFIG; PORT is the port without a file.`,
    );
  }
  await ensureInstalled();
  if (args.includes('--watch')) {
    const nest = inRoot('node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
    const preload = `--import=${pathToFileURL(inRoot('tools', 'restarted.mjs')).href}`;
    const env = { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${preload}`.trim() };
    // The shell becomes the service: the next one is started when that has ended. Without a shell, a path with a blank fails.
    const inPlace = process.platform === 'win32' ? [] : ['--exec', 'exec node'];
    return handOver([nest, 'start', '--watch', ...inPlace], { env });
  }
  await ensureBuilt();
  const preload = pathToFileURL(inRoot('tools', 'launched.mjs')).href;
  const flags = JSON.parse(readFileSync(inRoot('tools', 'node-flags.json'), 'utf8'));
  return handOver([...flags, `--import=${preload}`, inRoot('dist', 'main.js')]);
});

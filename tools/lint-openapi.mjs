// A step of npm run check: the OpenAPI document, made of the source, against the rules of redocly.yaml.
import { join } from 'node:path';
import { main, node24, programEnv, root, run } from './setup.mjs';

const DOCUMENT = join('node_modules', '.cache', 'openapi.json');
/** Neither tells anybody of this run nor asks for newer versions. */
const QUIET = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };

const STEPS = [
  [join('tools', 'run.mjs'), join('tools', 'openapi.ts'), '--out', DOCUMENT],
  [join('node_modules', '@redocly', 'cli', 'bin', 'cli.js'), 'lint', DOCUMENT, '--max-problems', '1000'],
];

await main(async () => {
  for (const args of STEPS) {
    const code = await run(node24, args, { cwd: root, env: { ...programEnv(), ...QUIET }, stdio: 'inherit' });
    if (code !== 0) return code;
  }
  return 0;
});

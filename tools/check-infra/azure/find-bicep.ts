import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Program and first arguments of the Bicep compiler; `null` where none can be had. Fetches it the first time: seconds. */
export function findBicep(): readonly string[] | null {
  const args = [join('tools', 'bicep.mjs'), '--json'];
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: process.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error('tools/bicep.mjs failed');
  return (JSON.parse(stdout) as { readonly command: readonly string[] } | null)?.command ?? null;
}

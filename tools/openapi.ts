/** `npm run openapi`: writes the OpenAPI document of the service, without starting it, and prints where. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { routerConfigSchema } from '../src/common/config/config.schema.js';
import { LiveConfig } from '../src/common/config/live-config.js';
import { createApiDocument } from '../src/common/http/api-docs.js';
import { makeFolder } from '../src/common/make-folder.js';
import { createApp } from '../src/create-app.js';
import { readOptions, runCommand } from './command.js';

const USAGE = `Usage: npm run openapi -- [options]
  --out <file>       default node_modules/.cache/openapi.json`;

const nothing = (): void => undefined;
const SILENT = { log: nothing, error: nothing, warn: nothing };

async function write(): Promise<void> {
  const { out } = readOptions({ out: { type: 'string', default: join('node_modules', '.cache', 'openapi.json') } });
  const dataDir = mkdtempSync(join(tmpdir(), 'router-openapi-'));
  process.env['ROUTER_DATA_DIR'] = dataDir;
  const simulated = { id: 'simulated', tier: 'local', provider: 'simulated' };
  const app = await createApp(new LiveConfig(routerConfigSchema.parse({ targets: [simulated] }), null), SILENT);
  try {
    makeFolder(dirname(out));
    writeFileSync(out, `${JSON.stringify(createApiDocument(app), null, 2)}\n`);
  } finally {
    await app.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
  console.log(out);
}

await runCommand(USAGE, write);

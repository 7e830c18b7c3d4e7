import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { LiveConfig } from '../../src/common/config/live-config.js';
import { createApp } from '../../src/create-app.js';
import type { TargetSearchOptions } from '../../src/modules/models/models.messages.js';
import type { RouterConfigInput } from './router-process.js';

const nothing = (): void => undefined;
const SILENT: LoggerService = { log: nothing, error: nothing, warn: nothing, debug: nothing, verbose: nothing };

export interface RouterAppOptions {
  /** Left out: a fresh one, removed at the end. Give one to start again on the same data. */
  readonly dataDir?: string;
  readonly logger?: LoggerService;
  /** Where model servers are looked for; without targets and without this nothing but the usual places are. */
  readonly search?: TargetSearchOptions;
}

export interface RouterApp {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly config: LiveConfig;
  /** Puts another configuration in force, as a reload of the file does. */
  reload(input: RouterConfigInput): Promise<void>;
  /** Ends it, with every connection. */
  close(): Promise<void>;
}

/** The real service in this process, on a loopback port of its own. Give it targets, or it looks for some. */
export async function startRouter(input: RouterConfigInput, options: RouterAppOptions = {}): Promise<RouterApp> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'router-app-'));
  const config = new LiveConfig(routerConfigSchema.parse(input), null);
  const app = await onData(dataDir, () => createApp(config, options.logger ?? SILENT, options.search));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    app,
    config,
    reload: (next) => config.replace(routerConfigSchema.parse(next)),
    close: async () => {
      app.getHttpServer().closeAllConnections();
      await app.close();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The service reads ROUTER_DATA_DIR while it is put together. */
async function onData<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  const before = process.env['ROUTER_DATA_DIR'];
  process.env['ROUTER_DATA_DIR'] = dataDir;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env['ROUTER_DATA_DIR'];
    else process.env['ROUTER_DATA_DIR'] = before;
  }
}

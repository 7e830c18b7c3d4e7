import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { banner } from './banner.js';
import { BackgroundWork } from './common/background-work.js';
import { ConfigError } from './common/config/config-error.js';
import { LiveConfig } from './common/config/live-config.js';
import { loadConfig } from './common/config/load-config.js';
import { watchConfig } from './common/config/watch-config.js';
import { ownProcessErrors } from './common/logging/fatal-exit.js';
import { createJsonLogger, type NestJsonLogger } from './common/logging/json-logger.js';
import { createApp } from './create-app.js';
import { endRequests, shutDown } from './graceful-shutdown.js';
import { ListTargetsQuery } from './modules/models/models.messages.js';

/** Every problem of the configuration at once, before a port is opened. */
function readConfig(): LiveConfig {
  try {
    const { config, source } = loadConfig({ env: process.env, cwd: process.cwd() });
    return new LiveConfig(config, source);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

async function listen(app: NestFastifyApplication, config: LiveConfig): Promise<string> {
  const { host, port } = config.current.server;
  try {
    await app.listen(port, host);
  } catch (error) {
    const { code, port: asked = port } = error as NodeJS.ErrnoException & { readonly port?: number };
    const field =
      asked === config.current.telemetry.metricsPort && asked !== port
        ? 'telemetry.metricsPort'
        : 'server.port, or PORT where there is no file,';
    const cure = code === 'EADDRINUSE' ? `is taken by another program; set ${field} to a free one` : code;
    process.stderr.write(`${host}:${asked} ${cure}\n`);
    process.exit(1);
  }
  const address = app.getHttpServer().address();
  const actual = typeof address === 'object' && address ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

function stopOnSignal(
  app: NestFastifyApplication,
  config: LiveConfig,
  logger: NestJsonLogger,
  unwatch: () => void,
): void {
  const background = new BackgroundWork('shutdown');
  const hurry = new AbortController();
  let stopping = false;
  const onSignal = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping) {
      hurry.abort();
      endRequests(app);
      return;
    }
    stopping = true;
    if (signal === 'SIGINT') hurry.abort();
    unwatch();
    try {
      await shutDown(app, config.current.server.drainSeconds, hurry.signal);
      process.exitCode = 0;
    } catch (err) {
      process.exitCode = 1;
      logger.fatal({ err }, 'the shutdown failed', 'shutdown');
    }
    await logger.flush();
    process.exit();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, (name) => background.launch('the shutdown', () => onSignal(name)));
  }
}

const config = readConfig();
const logger = createJsonLogger();
ownProcessErrors(logger);
const app = await createApp(config, logger);
const url = await listen(app, config);
const unwatch = watchConfig({ live: config, env: process.env, logger: new Logger('config') });
stopOnSignal(app, config, logger, unwatch);
const targets = await app.get(QueryBus, { strict: false }).execute(new ListTargetsQuery());
await logger.flush();
process.stdout.write(banner(url, config, targets));

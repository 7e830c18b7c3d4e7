import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BackgroundWork } from './common/background-work.js';
import { BeginDrainCommand } from './modules/health/health.messages.js';

/** Load balancers need this long to see that `/ready` says 503 and to send elsewhere. */
const NOTICE_MS = 5_000;
const SWEEP_MS = 50;

/**
 * Ends the service without losing a request: `/ready` says 503 at once, requests are still taken for 5 s, then no more
 * connections are; what is in flight finishes within `drainSeconds`; then stores and clients are closed. SIGINT (a
 * person at the keyboard) skips the 5 s; a second signal skips every wait.
 *
 * @returns when everything is closed
 */
export async function shutDown(app: NestFastifyApplication, drainSeconds: number, hurry: AbortSignal): Promise<void> {
  const logger = new Logger('shutdown');
  await app.get(CommandBus, { strict: false }).execute(new BeginDrainCommand());
  logger.log('draining: /ready answers 503 from now on');
  await delay(NOTICE_MS, undefined, { signal: hurry }).catch(() => undefined);
  const server = app.getHttpServer();
  const cut = (): void => {
    logger.warn('requests still in flight are cut off');
    server.closeAllConnections();
  };
  const timer = setTimeout(cut, drainSeconds * 1000);
  // A connection that is kept alive becomes idle when its request is done; nobody else closes it then.
  const background = new BackgroundWork('shutdown');
  background.repeat('closing idle connections', SWEEP_MS, () => server.closeIdleConnections());
  await app.close();
  await background.stop();
  clearTimeout(timer);
  logger.log('closed');
}

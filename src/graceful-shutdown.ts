import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { Draining } from './common/app-error.js';
import { BackgroundWork } from './common/background-work.js';
import { BeginDrainCommand } from './modules/health/health.messages.js';

/** Load balancers need this long to see that `/ready` says 503 and to send elsewhere. */
const NOTICE_MS = 5_000;
const SWEEP_MS = 50;
/** What is still in flight at the end is told so; then its connection is closed, whether or not it was read. */
const LAST_WORD_MS = 1_000;
const RETRY_AFTER_SECONDS = 1;

/**
 * Ends the service without losing a request: `/ready` says 503 at once, requests are still taken for 5 s, then no more
 * connections are; what is in flight finishes within `drainSeconds`, and ends with `draining` where it does not; then
 * stores and clients are closed. SIGINT (a person at the keyboard) skips the 5 s; a second signal skips every wait.
 *
 * @param hurry skips the 5 s
 * @returns when everything is closed
 */
export async function shutDown(app: NestFastifyApplication, drainSeconds: number, hurry: AbortSignal): Promise<void> {
  const logger = new Logger('shutdown');
  await app.get(CommandBus, { strict: false }).execute(new BeginDrainCommand());
  logger.log('draining: /ready answers 503 from now on');
  const server = app.getHttpServer();
  // kept alive, a connection would be closed in the moment in which its next request comes (RFC 9112 section 9.6)
  server.prependListener('request', (_: unknown, response: ServerResponse) => (response.shouldKeepAlive = false));
  await delay(NOTICE_MS, undefined, { signal: hurry }).catch(() => undefined);
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  const timer = setTimeout(() => {
    // what is sent out at the very end may take longer, when no request is left
    server.getConnections((_, open) => {
      if (open > 0) logger.warn('requests still in flight are ended');
    });
    endRequests(app);
  }, drainSeconds * 1000);
  // A connection that is kept alive becomes idle when its request is done; nobody else closes it then.
  const background = new BackgroundWork('shutdown');
  background.repeat('closing idle connections', SWEEP_MS, () => {
    server.closeIdleConnections();
    fastify.silentConnections.close();
  });
  await app.close();
  await background.stop();
  clearTimeout(timer);
  logger.log('closed');
}

/** Every request in flight gets its last word, `draining`, and a moment later no connection is left. */
export function endRequests(app: NestFastifyApplication): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.callerSignals.endAll(
    new Draining('This server is shutting down. Send the request again.', RETRY_AFTER_SECONDS),
  );
  setTimeout(() => app.getHttpServer().closeAllConnections(), LAST_WORD_MS).unref();
}

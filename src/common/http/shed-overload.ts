import underPressure from '@fastify/under-pressure';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { Overloaded } from '../app-error.js';
import { isClosed, onceClosed } from './response-closed.js';

/** Mean delay of the event loop over a sample; a healthy replica under full load stays below a tenth of it. */
const MAX_LOOP_DELAY_MS = 500;
const SAMPLE_MS = 500;
const RETRY_AFTER_SECONDS = 2;
/** With fewer requests under way the lag is a passing stall (a pause of the machine), and turning away helps nobody. */
const BUSY_REQUESTS = 200;
/** Whoever looks after this replica has to see it in this state above all. */
const ALWAYS_ANSWERED = new Set(['/health', '/ready', '/metrics']);

/**
 * Turns requests away before anything is read of them while many are under way and the event loop lags behind: those
 * that are under way finish, instead of all of them timing out.
 */
export async function shedOverload(app: NestFastifyApplication): Promise<void> {
  let underWay = 0;
  const fastify = app.getHttpAdapter().getInstance();
  const onClose = (): void => {
    underWay -= 1;
  };
  // Not Fastify's onResponse, which an aborted request does not reach.
  fastify.addHook('onRequest', ({ raw: incoming }, { raw: response }, done) => {
    if (!isClosed(incoming, response)) {
      underWay += 1;
      onceClosed(incoming, response, onClose);
    }
    done();
  });
  await app.register(underPressure, {
    maxEventLoopDelay: MAX_LOOP_DELAY_MS,
    sampleInterval: SAMPLE_MS,
    pressureHandler: async ({ routeOptions }: FastifyRequest) => {
      if (underWay < BUSY_REQUESTS || ALWAYS_ANSWERED.has(routeOptions.url ?? '')) return;
      const seconds = RETRY_AFTER_SECONDS * (1 + Math.random());
      throw new Overloaded('The router has more to do than it can. Try again later.', seconds);
    },
  });
}

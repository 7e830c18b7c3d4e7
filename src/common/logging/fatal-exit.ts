import type { NestJsonLogger } from './json-logger.js';

const FLUSH_LIMIT_MS = 2000;

/**
 * From now on an uncaught error is logged at level fatal and ends the process with code 1 once the log has left it,
 * after 2 s at the latest: it broke off in the middle of some synchronous step, and going on would serve requests from
 * a state nobody thought of.
 *
 * A rejection that nobody took is logged at level error and ends nothing. Every request awaits what it does, so what is
 * left is work behind the requests, whose failure leaves its own promise and nothing else half done; a process that
 * ended for it would let a store that stumbles take the whole fleet down. It is a defect all the same:
 * `BackgroundWork` should have owned it.
 */
export function ownProcessErrors(log: NestJsonLogger): void {
  process.on('unhandledRejection', (err) => {
    log.error({ err }, 'a failure that nobody took (a defect of the router; it goes on)', 'process');
  });
  process.once('uncaughtException', (err) => {
    const exit = (): never => process.exit(1);
    process.on('uncaughtException', exit); // a second one does not wait
    setTimeout(exit, FLUSH_LIMIT_MS);
    log.fatal({ err }, 'uncaught error: the process ends', 'process');
    // eslint-disable-next-line no-restricted-syntax -- the process ends here
    log.flush().then(exit, exit);
  });
}

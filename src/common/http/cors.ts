import cors from '@fastify/cors';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { ErrorFilter } from './error.filter.js';

/** How long a browser keeps the answer to a preflight, seconds; Chrome keeps none longer than 7200. */
const PREFLIGHT_SECONDS = 600;

const perLimit = (unit: string) => ['limit', 'remaining', 'reset'].map((what) => `x-ratelimit-${what}-${unit}`);
const fromRouter = [
  ...['target', 'tier', 'model', 'simulated', 'strategy', 'reason', 'score', 'attempts', 'fallback', 'cache'],
  ...['overhead-ms', 'cost-usd', 'persisted', 'estimated'],
].map((name) => `x-router-${name}`);

/** What a page may read of an answer; without it browsers show a page seven headers, and none of ours. */
const READABLE_HEADERS = [
  ...['x-request-id', 'request-id', 'x-should-retry', 'retry-after', 'age', 'www-authenticate', 'idempotent-replayed'],
  ...['content-disposition', ...perLimit('requests'), ...perLimit('tokens'), ...fromRouter],
];

/**
 * Lets the pages of these origins call the service (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol). Their
 * preflights are answered before anybody is asked for a key, since browsers send none with them; every other answer,
 * also an error or a stream, names the origin. The request headers of SDKs are many and change, so whatever a page
 * asks for is allowed. Keys travel in headers, so cookies are not.
 *
 * @param origins exactly as browsers write them; none: no CORS headers, and a preflight is a 404
 * @param errors answers for the route of preflights, which is there before Nest says who answers for routes
 */
export async function allowOrigins(
  fastify: FastifyInstance,
  origins: readonly string[],
  errors: ErrorFilter,
): Promise<void> {
  if (origins.length === 0) return;
  fastify.addHook('onRoute', (route: RouteOptions) => {
    if (route.method === 'OPTIONS') route.errorHandler = errors.send.bind(errors);
  });
  const allowed = new Set(origins);
  await fastify.register(cors, {
    origin: (origin: string | undefined, settle: (error: null, origin: string | false) => void) =>
      settle(null, origin !== undefined && allowed.has(origin) ? origin : false),
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    exposedHeaders: READABLE_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
    // An OPTIONS that is no preflight is not an error in a form of the library's own.
    strictPreflight: false,
  });
}

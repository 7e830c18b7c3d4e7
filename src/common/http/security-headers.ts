import helmet from '@fastify/helmet';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isApiDocsRoute } from './api-docs.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Of every answer of the API: names and values in turn, for whoever writes the head of an answer himself. */
    securityHeaders: readonly string[];
  }
}

type HeaderSet = Readonly<Record<string, string>>;
type HelmetOptions = NonNullable<Parameters<typeof helmet>[1]>;

/** A year; browsers heed it only where TLS ends in front of the service (RFC 6797 section 8.1). */
const HSTS_SECONDS = 31_536_000;
const NO_FRAMES = { frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] };

/**
 * What a browser may do with an answer of the API: show it to nobody. Pages of `server.corsOrigins` read it all the
 * same, since a request with CORS is not asked for its `Cross-Origin-Resource-Policy` (Fetch standard, section 3.7).
 */
const API = {
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], ...NO_FRAMES } },
  xFrameOptions: { action: 'deny' },
  // of pages, downloads by old browsers, Flash and name look-ups: nothing of an API
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
} satisfies HelmetOptions;

/**
 * Of Swagger UI: its own scripts and no other, styles and pictures that it makes itself, calls to this service. No
 * `upgrade-insecure-requests`, which would send its files to https, where a service inside a network has none.
 */
const PAGES = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'", 'data:'],
      connectSrc: ["'self'"],
      ...NO_FRAMES,
    },
  },
  xFrameOptions: { action: 'deny' },
} satisfies HelmetOptions;

/** The security headers of every answer, as @fastify/helmet says them. */
export class SecurityHeaders {
  private constructor(
    /** Of the API, errors included. */
    readonly api: HeaderSet,
    private readonly pages: HeaderSet,
  ) {}

  /**
   * Asks helmet once, at the start: it makes its headers anew for every request, with two functions assigned to each
   * reply (docs/adr/0020), for values that never change.
   *
   * @param behindProxy whether TLS ends in front of the service; only then may it promise https for its name
   */
  static async of(behindProxy: boolean): Promise<SecurityHeaders> {
    const strictTransportSecurity = behindProxy && { maxAge: HSTS_SECONDS, includeSubDomains: false };
    const [api, pages] = await Promise.all([
      askHelmet({ ...API, strictTransportSecurity }),
      askHelmet({ ...PAGES, strictTransportSecurity }),
    ]);
    return new SecurityHeaders(api, pages);
  }

  /**
   * Puts them on everything that a reply sends. Chat answers, which write their head themselves, take `securityHeaders`:
   * header by header through the reply they would cost each of them 5 us.
   */
  guard(fastify: FastifyInstance): void {
    const { api, pages } = this;
    fastify.decorate('securityHeaders', Object.entries(api).flat());
    fastify.addHook('onSend', (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done) => {
      reply.headers(isApiDocsRoute(request.routeOptions.url ?? '*') ? pages : api);
      done(null, payload);
    });
  }
}

type Done = (error: null, payload: unknown) => void;

/** What helmet sets with these options. */
async function askHelmet(options: HelmetOptions): Promise<HeaderSet> {
  const fastify = new FastifyAdapter().getInstance<FastifyInstance>();
  await fastify.register(helmet, options);
  let set: HeaderSet = {};
  fastify.get('/', (_request, reply) => {
    set = { ...(reply.raw.getHeaders() as Record<string, string>) };
    return reply.send();
  });
  await fastify.inject('/');
  await fastify.close();
  return set;
}

import { NestFactory } from '@nestjs/core';
import type { LoggerService } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { useIncomingTraces } from './common/tracing/incoming-traces.js';
import { AppModule } from './app.module.js';
import type { LiveConfig } from './common/config/live-config.js';
import { InvalidRequest } from './common/app-error.js';
import { speaksAnthropic } from './common/http/anthropic-error.js';
import { answerBrokenHttp, answerForNode } from './common/http/broken-http.js';
import { continueLate } from './common/http/continue.js';
import { useRequestEnds } from './common/http/request-ends.js';
import { useCallerSignals } from './common/http/caller-signal.js';
import { useSilentConnections } from './common/http/silent-connections.js';
import { allowOrigins } from './common/http/cors.js';
import { ErrorFilter } from './common/http/error.filter.js';
import { useJsonBody } from './common/http/json-body.js';
import { requestIdOf } from './common/http/request-id.js';
import { KnownRoutes } from './common/http/known-routes.js';
import { SecurityHeaders } from './common/http/security-headers.js';
import { shedOverload } from './common/http/shed-overload.js';
import { knowSecretsOf } from './common/logging/known-secrets.js';
import { TargetSearchOptions } from './modules/models/models.messages.js';
import { serveApiDocs } from './common/http/api-docs.js';

/** Longer than load balancers keep idle connections (Azure: 4 minutes), so that they close them and not we. */
const KEEP_ALIVE_MS = 250_000;
const HEADERS_MS = 15_000;
const BODY_MS = 60_000;
/** Ids of sessions (128) and targets (128, with characters that are escaped to three). */
const MAX_PARAM_CHARACTERS = 400;

/** The service, ready to listen; `main.ts` and the tests start it the same way. */
export async function createApp(
  config: LiveConfig,
  logger: LoggerService,
  search = new TargetSearchOptions(),
): Promise<NestFastifyApplication> {
  knowSecretsOf(config.current);
  config.onChange(knowSecretsOf);
  const routes = new KnownRoutes();
  const { trustedProxies, corsOrigins, bodyLimitBytes } = config.current.server;
  const security = await SecurityHeaders.of(trustedProxies > 0);
  const errors = new ErrorFilter(routes, security.api);
  const adapter = new FastifyAdapter(serverOptions(config, routes, errors, security));
  const fastify = adapter.getInstance<FastifyInstance>();
  routes.watch(fastify);
  security.guard(fastify);
  answerForNode(fastify.server, security.api, (status) => fastify.requestEnds.tellBroken(status));
  continueLate(fastify.server);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(config, search), adapter, {
    logger,
    bodyParser: false,
    abortOnError: false,
  });
  await allowOrigins(fastify, corsOrigins, errors);
  useJsonBody(fastify, bodyLimitBytes);
  useCallerSignals(fastify);
  useRequestEnds(fastify);
  useIncomingTraces(fastify, config);
  useSilentConnections(fastify);
  await shedOverload(app);
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
    reply.header('x-request-id', request.id);
    if (speaksAnthropic(request)) reply.header('request-id', request.id); // where its SDKs look for it
    const problem = hostProblem(request);
    if (problem) reply.header('connection', 'close');
    done(problem);
  });
  app.useGlobalFilters(errors);
  serveApiDocs(app);
  return app;
}

/** RFC 9112 section 3.2: an HTTP/1.1 request without Host is answered with 400. */
function hostProblem({ raw, headers }: FastifyRequest): Error | undefined {
  if (headers.host !== undefined || raw.httpVersion === '1.0') return undefined;
  return new InvalidRequest('The request has no Host header.');
}

function serverOptions(
  config: LiveConfig,
  routes: KnownRoutes,
  errors: ErrorFilter,
  { api }: SecurityHeaders,
): ConstructorParameters<typeof FastifyAdapter>[0] {
  const { bodyLimitBytes, trustedProxies } = config.current.server;
  return {
    bodyLimit: bodyLimitBytes,
    trustProxy: trustedProxies > 0 ? (_address: string, hop: number) => hop < trustedProxies : false,
    genReqId: requestIdOf,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: BODY_MS,
    // Node would answer a missing Host by itself, without a body; `hostProblem` does it in the API's form.
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: 5_000, requireHostHeader: false },
    clientErrorHandler(this: FastifyInstance, error: Error, socket: Socket) {
      answerBrokenHttp(error, socket, api, (status) => this.requestEnds.tellBroken(status));
    },
    frameworkErrors: (error, request, reply) => {
      errors.send(error, request as FastifyRequest, reply as FastifyReply);
      request.server.requestEnds.tell(request as FastifyRequest, reply as FastifyReply, reply.statusCode); // no hook runs here
    },
    rewriteUrl: routes.rewrite,
    routerOptions: { maxParamLength: MAX_PARAM_CHARACTERS },
    // A shutdown finishes what is in flight, also on connections that are kept alive.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    skipMiddie: true, // Express middleware, which nothing here is
  };
}

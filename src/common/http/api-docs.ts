import { applyDecorators } from '@nestjs/common';
import { ApiResponse, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AppError } from '../app-error.js';

const INTRODUCTION = `One door in front of local and cloud language models. Any OpenAI SDK works with \`/v1\` of this
service as its base URL. Every answer tells in \`x-router-*\` headers which model gave it and why.

Errors always have the form \`{"error": {"message", "type", "param", "code"}}\`; programs branch on \`code\`.`;

const ROUTES = /^\/(|docs(\/.*)?|openapi\.(json|yaml))$/;

/** Whether a route is of the documentation, which is open to everybody. */
export const isApiDocsRoute = (url: string): boolean => ROUTES.test(url);

/** The OpenAPI document of all routes; made when it is first asked for, as it costs more than a start should. */
export function createApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setTitle('Hybrid LLM Router')
    .setDescription(INTRODUCTION)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A key of auth.keys; none is needed on loopback.' })
    .build();
  return SwaggerModule.createDocument(app, options);
}

/** `GET /docs` (Swagger UI), where the bare address leads, and `GET /openapi.json`. */
export function serveApiDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => createApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Hybrid LLM Router',
    swaggerOptions: { tryItOutEnabled: true, persistAuthorization: true, displayRequestDuration: true },
  });
  // Relative, as the page's own links are: a gateway may serve all this under a path of its own.
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.get('/', (_request: FastifyRequest, reply: FastifyReply) => reply.redirect('docs'));
}

type ErrorClass = new (message: string, second: never) => AppError;

const INNER_ERROR = {
  type: 'object' as const,
  description:
    "A provider's own account of a content filter (category, severity), as it came; absent when there is none.",
};

const errorSchema = (codes: readonly string[]) => ({
  type: 'object' as const,
  required: ['error'],
  properties: {
    error: {
      type: 'object' as const,
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' as const },
        type: { type: 'string' as const },
        param: { type: 'string' as const, nullable: true, description: 'Path of the bad field.' },
        code: { type: 'string' as const, enum: [...codes] },
        ...(codes.includes('content_filter') ? { innererror: INNER_ERROR } : {}),
      },
    },
  },
});

const STATUS_TEXT: Record<number, string> = {
  400: 'The request is not valid; `param` names the field.',
  401: 'No valid credential.',
  403: 'The credential may not do this.',
  404: 'Nothing of that name, or not yours.',
  409: 'The `Idempotency-Key` was used for another request.',
  413: 'The body is larger than the service accepts.',
  415: 'The body is not application/json.',
  429: 'A limit is used up; see `Retry-After` and `x-ratelimit-*`.',
  500: 'A defect of the router.',
  502: 'The model server failed.',
  503: 'Nobody can answer now; see `Retry-After`.',
  504: 'The model server was too slow.',
};

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds.', schema: { type: 'number' as const } } };

/** Documents the errors of a route; those of one status share a response, as OpenAPI wants it. */
export function ApiErrors(...errors: readonly ErrorClass[]): MethodDecorator & ClassDecorator {
  const all = errors.map((Type) => new Type('', 1 as never));
  return applyDecorators(
    ...[...Map.groupBy(all, ({ status }) => status)].map(([status, some]) => {
      const codes = some.map(({ code }) => code);
      const description = STATUS_TEXT[status] ?? codes.join(', ');
      const headers = status === 429 || status === 503 ? RETRY_AFTER : {};
      return ApiResponse({ status, description, headers, schema: errorSchema(codes) });
    }),
  );
}

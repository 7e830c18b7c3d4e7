import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { completeDocument } from './api-document.js';

const INTRODUCTION = `One door in front of local and cloud language models. Any OpenAI SDK works with \`/v1\` of this
service as its base URL, any of Anthropic's with the service itself. Every answer tells in \`x-router-*\` headers which model gave it and why.

Errors always have the form \`{"error": {"message", "type", "param", "code"}}\`; programs branch on \`code\`. Those of
\`/v1/messages\` have Anthropic's form, with the same \`code\` in it.`;

const BEARER =
  'A key of `auth.keys`, or a JSON Web Token of an issuer of `auth.jwt`; neither is needed on a service without both, which ' +
  'is for its own machine.';
const OTHER_HEADER = 'The same key or token, for clients that cannot send `Authorization`.';

const ROUTES = /^\/(|docs(\/.*)?|openapi\.(json|yaml))$/;

/** Whether a route is of the documentation, which is open to everybody. */
export const isApiDocsRoute = (url: string): boolean => ROUTES.test(url);

/** The OpenAPI document of all routes; made when it is first asked for, as it costs more than a start should. */
export function createApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setTitle('Hybrid LLM Router')
    .setDescription(INTRODUCTION)
    .setVersion('1')
    .setOpenAPIVersion('3.0.3')
    .setLicense('MIT', 'https://spdx.org/licenses/MIT.html')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: BEARER })
    .addApiKey({ type: 'apiKey', in: 'header', name: 'x-api-key', description: OTHER_HEADER }, 'x-api-key')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'api-key', description: OTHER_HEADER }, 'api-key')
    .build();
  return completeDocument(SwaggerModule.createDocument(app, options));
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

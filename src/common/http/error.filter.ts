import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  AppError,
  InternalError,
  InvalidRequest,
  NotFound,
  PayloadTooLarge,
  PermissionDenied,
  UnsupportedMediaType,
} from '../app-error.js';
import { LineLimit } from '../logging/line-limit.js';
import { stackFrames } from '../logging/outside-text.js';
import { anthropicError, speaksAnthropic } from './anthropic-error.js';
import { CallerGone } from './caller-signal.js';
import { CLIENT_CLOSED_REQUEST } from './request-ends.js';
import { KnownRoutes } from './known-routes.js';
import { unserved } from './unserved-requests.js';
import { hasRestToCome, lingeringAnswer } from './lingering-answer.js';

/** Fastify's own words for these are of its inside. */
const TOLD_BETTER: ReadonlyMap<string | undefined, string> = new Map([
  ['FST_ERR_BAD_URL', 'The path is not valid: % stands before two hexadecimal digits of UTF-8, and itself is %25.'],
  ['FST_ERR_MAX_PARAM_LENGTH', 'A name in the path is longer than any that exists.'],
]);

/** What Fastify and Nest throw by themselves, in the words of our catalogue. */
function translate(error: unknown, request: FastifyRequest, routes: KnownRoutes): AppError {
  if (error instanceof AppError) return error;
  const told = TOLD_BETTER.get((error as NodeJS.ErrnoException).code);
  if (told) return new InvalidRequest(told);
  const status = error instanceof HttpException ? error.getStatus() : (error as { statusCode?: number }).statusCode;
  if (status === 413) return new PayloadTooLarge('The request body is larger than is accepted here.');
  if (status === 415) {
    return new UnsupportedMediaType('Send the body as application/json.', 'content-type');
  }
  if (status === 404) {
    const { method, originalUrl, url, headers } = request;
    return unserved({ method, url, upgrade: headers.upgrade }) ?? new NotFound(routes.advice(method, originalUrl));
  }
  if (status === 403) return new PermissionDenied('This credential may not do that.');
  if (status && status >= 400 && status < 500) return new InvalidRequest((error as Error).message);
  return new InternalError('The router failed on this request; its log has the details under the request id.');
}

/** Turns every error into OpenAI's error body, or Anthropic's at its door, before an answer has begun. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('errors');
  private readonly lines = new LineLimit('errors');

  /** @param security headers of answers that no hook has seen: a path that is no path */
  constructor(
    private readonly routes = new KnownRoutes(),
    private readonly security: Readonly<Record<string, string>> = {},
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.send(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Every request has its line; the stack of a defect is told for the first ones that meet it. */
  private tellDefect(err: unknown, requestId: string): void {
    const where =
      err instanceof Error ? `${err.name} ${stackFrames(err)?.split('\n', 1)[0]?.trim() ?? ''}` : typeof err;
    const isTold = this.lines.allows(`unexpected errors: ${where}`);
    this.logger[isTold ? 'error' : 'debug']({ err, request_id: requestId }, 'unexpected error');
  }

  /** Also used as Fastify's own error handler, for errors before Nest sees the request. */
  send(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    // Nobody reads an answer, and it is no failure of anything; its request has a line of its own.
    if (error instanceof CallerGone) return request.server.requestEnds.tell(request, reply, CLIENT_CLOSED_REQUEST);
    const shown = translate(error, request, this.routes);
    if (shown instanceof InternalError) this.tellDefect(error, request.id);
    if (reply.sent) return;
    request.errorCode = shown.code;
    if (reply.raw.destroyed) return request.server.requestEnds.tell(request, reply, CLIENT_CLOSED_REQUEST);
    const { status, text, named } = formOf(shown, request);
    let answer: string | Readable = text;
    if (hasRestToCome(request.raw, reply.getHeader('connection') === 'close')) {
      // its length, so that the caller need not wait for the end of the connection
      reply.headers({ connection: 'close', 'content-length': Buffer.byteLength(text) });
      answer = lingeringAnswer(text, request.raw);
    }
    reply
      .code(status)
      .headers({
        ...named,
        ...this.security,
        ...shown.headers,
        ...(shown.retryable ? {} : { 'x-should-retry': 'false' }),
      })
      .header('content-type', 'application/json; charset=utf-8')
      .send(answer);
  }
}

interface ErrorForm {
  readonly status: number;
  readonly text: string;
  /** Headers with the request's id. */
  readonly named: Readonly<Record<string, string>>;
}

/** The error as the door that the request came to has it. */
function formOf(error: AppError, request: FastifyRequest): ErrorForm {
  const { id } = request;
  if (!speaksAnthropic(request)) {
    return { status: error.status, text: JSON.stringify(error.toBody()), named: { 'x-request-id': id } };
  }
  const { status, body } = anthropicError(error, id);
  return { status, text: JSON.stringify(body), named: { 'x-request-id': id, 'request-id': id } };
}

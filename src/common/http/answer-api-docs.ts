import { applyDecorators } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader } from '@nestjs/swagger';
import {
  BudgetExceeded,
  ContentFiltered,
  ContextLengthExceeded,
  DeadlineExceeded,
  Draining,
  IdempotencyConflict,
  InternalError,
  InvalidApiKey,
  InvalidRequest,
  ModelNotFound,
  NoTargetAvailable,
  Overloaded,
  PayloadTooLarge,
  PermissionDenied,
  ModelNotAllowed,
  PrivacyNoLocalTarget,
  RateLimitExceeded,
  UnsupportedMediaType,
  UpstreamAuth,
  UpstreamError,
  UpstreamTimeout,
} from '../app-error.js';
import { ApiErrors, type ErrorClass } from './api-errors.js';

const text = (description: string, example?: string) => ({
  description,
  schema: { type: 'string' as const, ...(example === undefined ? {} : { example }) },
});

/** Response headers of every answer, for `@ApiResponse({ headers })`. */
export const ANSWER_HEADERS = {
  'x-request-id': text('Id of this request; in the log and in the session.'),
  'x-router-target': text('Target that answered.', 'local'),
  'x-router-tier': text('local or cloud.', 'local'),
  'x-router-model': text('The model that answered, as its server names it.', 'llama3.2'),
  'x-router-strategy': text('Strategy that chose the target.', 'hybrid'),
  'x-router-reason': text('Why, as a code.', 'rule_simple'),
  'x-router-score': text('Need of the strong side, 0 to 1; only from strategies that score.', '0.18'),
  'x-router-attempts': text('Calls made to model servers for this answer.', '1'),
  'x-router-fallback': text('true when another target than the chosen one answered.', 'false'),
  'x-router-cache': text(
    'HIT, STALE (past its life, being renewed), SHARED (was being made for somebody else), MISS, BYPASS or DISABLED.',
    'MISS',
  ),
  age: text('Of an answer that was kept: seconds since it was made.'),
  'x-router-simulated': text('true when no real model answered; absent otherwise.'),
  'x-router-overhead-ms': text("This service's own share of the time until the answer began, milliseconds.", '0.4'),
  'x-router-cost-usd': text(
    'Plain answers only; absent when a price is unknown, 0 in replays of an Idempotency-Key.',
    '0.000123',
  ),
  'x-router-persisted': text('Plain answers with a session only: a durable store has the turn.', 'true'),
  'x-ratelimit-limit-requests': text('Requests a minute; the limit headers are absent for callers without limits.'),
  'x-ratelimit-remaining-requests': text('Requests left.'),
  'x-ratelimit-reset-requests': text('Until all requests are back, e.g. 6s or 1m0s.'),
  'x-ratelimit-limit-tokens': text('Tokens a minute.'),
  'x-ratelimit-remaining-tokens': text('Tokens left.'),
  'x-ratelimit-reset-tokens': text('Until all tokens are back.'),
};

const { 'x-router-persisted': _, ...vectorHeaders } = ANSWER_HEADERS;
/** The same of vectors, with which no session goes on. */
export const VECTOR_HEADERS = vectorHeaders;

const header = (name: string, description: string) => ApiHeader({ name, description, required: false });

const CONVERSING = [
  header('x-session-id', 'Continues this conversation: 1 to 128 of A-Z a-z 0-9 . _ : -'),
  header(
    'x-router-strategy',
    'For this request: hybrid, learned, cascade, rules, cost, latency, weighted or priority.',
  ),
];
const ASKING = [
  ApiBearerAuth(),
  header(
    'x-request-id',
    'Your own id for this request: 1 to 128 of A-Z a-z 0-9 . _ -, nothing like an address, a key or a number of somebody; else one is made.',
  ),
];
const DECISION_ERRORS = [
  ...[InvalidRequest, ContextLengthExceeded, PrivacyNoLocalTarget, InvalidApiKey, PermissionDenied, ModelNotAllowed],
  ...[ModelNotFound, PayloadTooLarge, UnsupportedMediaType, InternalError, NoTargetAvailable, Draining],
];

/** Headers and errors that all routes share which take a question. */
export const ApiDecision = (): MethodDecorator =>
  applyDecorators(...ASKING, ...CONVERSING, ApiErrors(...DECISION_ERRORS));

/** Those of a route that only looks at a question. */
export const ApiCounting = (): MethodDecorator => applyDecorators(...ASKING, ApiErrors(...DECISION_ERRORS));

/** Those of routes that have a conversation answered. @param own further errors of the route */
export const ApiAnswer = (...own: readonly ErrorClass[]): MethodDecorator =>
  applyDecorators(...CONVERSING, ApiModelCall(...own));

/** Those of the route that makes vectors. */
export const ApiVectors = (): MethodDecorator =>
  applyDecorators(
    header('x-session-id', 'Stands in the record of the request; nothing is stored in a session.'),
    ApiModelCall(),
  );

/** Those of routes that call a model. @param own further errors of the route */
function ApiModelCall(...own: readonly ErrorClass[]): MethodDecorator {
  return applyDecorators(
    ...ASKING,
    header('idempotency-key', 'For a day the same request with the same key gets the same answer, and no second call.'),
    header(
      'cache-control',
      'no-cache asks a model anew and keeps its answer; no-store reads, keeps and shares nothing.',
    ),
    ApiErrors(
      ...[...DECISION_ERRORS, ContentFiltered, IdempotencyConflict, RateLimitExceeded, BudgetExceeded],
      ...[UpstreamError, UpstreamAuth, Overloaded, UpstreamTimeout, DeadlineExceeded, ...own],
    ),
  );
}

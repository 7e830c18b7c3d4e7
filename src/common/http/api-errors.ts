import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { AppError } from '../app-error.js';

export type ErrorClass = new (message: string, second: never) => AppError;

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

type Headers = Record<string, { description: string; required?: boolean; schema: { type: 'string' | 'integer' } }>;

const text = (description: string) => ({ description, schema: { type: 'string' as const } });
const whole = (description: string) => ({ description, required: true, schema: { type: 'integer' as const } });

/** Of answers and errors of the routes that count against a limit. */
export const RATE_LIMIT_HEADERS: Headers = Object.fromEntries(
  ['requests', 'tokens'].flatMap((unit) =>
    ['limit', 'remaining', 'reset'].map((what) => [
      `x-ratelimit-${what}-${unit}`,
      text('Absent where the caller has no such limit.'),
    ]),
  ),
);

const RETRY_AFTER = { 'Retry-After': whole('Seconds.') };
const HEADERS: Record<number, Headers> = {
  401: { 'WWW-Authenticate': { ...text('How to sign in.'), required: true } },
  429: { ...RETRY_AFTER, ...RATE_LIMIT_HEADERS },
  503: RETRY_AFTER,
};
const SHOULD_RETRY = { 'x-should-retry': text('`false` where the same request would fail again.') };

/** The response of these errors, which all have one status. */
export function errorResponse(errors: readonly ErrorClass[]) {
  const all = errors.map((Type) => new Type('', 1 as never));
  const { status } = all[0]!;
  const codes = all.map(({ code }) => code);
  return {
    status,
    description: STATUS_TEXT[status] ?? codes.join(', '),
    headers: { ...HEADERS[status], ...SHOULD_RETRY } as Headers,
    content: { 'application/json': { schema: errorSchema(codes) } },
  };
}

/** Documents the errors of a route; those of one status share a response, as OpenAPI wants it. */
export function ApiErrors(...errors: readonly ErrorClass[]): MethodDecorator & ClassDecorator {
  const byStatus = Map.groupBy(errors, (Type) => new Type('', 1 as never).status);
  return applyDecorators(...[...byStatus.values()].map((some) => ApiResponse(errorResponse(some))));
}

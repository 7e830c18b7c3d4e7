import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { AppError } from '../app-error.js';

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

const DESCRIPTION: Record<number, string> = {
  400: 'The request is not valid; `param` names the field.',
  401: 'No valid credential.',
  403: 'The credential may not do this.',
  404: 'Nothing of that name, or not yours.',
  413: 'The body is larger than the service accepts.',
  415: 'The body is not application/json.',
  429: 'A limit is used up; see `Retry-After` and `x-ratelimit-*`.',
  500: 'A defect of the router.',
  502: 'The model server failed.',
  503: 'Nobody can answer now; see `Retry-After`.',
  504: 'The model server was too slow.',
};

/** Documents the errors of a route; those of one status share a response, as OpenAPI wants it. */
export function ApiErrors(...errors: readonly ErrorClass[]): MethodDecorator & ClassDecorator {
  const byStatus = new Map<number, string[]>();
  for (const Type of errors) {
    const { status, code } = new Type('', 1 as never);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return applyDecorators(
    ...[...byStatus].map(([status, codes]) =>
      ApiResponse({ status, description: DESCRIPTION[status] ?? codes.join(', '), schema: errorSchema(codes) }),
    ),
  );
}

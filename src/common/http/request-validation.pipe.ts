import {
  createParamDecorator,
  StandardSchemaValidationPipe,
  type ExecutionContext,
  type ParameterDecoratorOptions,
} from '@nestjs/common';
import { ApiBody, type ApiBodyOptions } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { ZodType } from 'zod';
import { InvalidRequest } from '../app-error.js';
import { fieldPath } from '../json/fields.js';
import { issueMessage } from '../issue-message.js';

type PathStep = Parameters<typeof fieldPath>[0][number];

interface Issue {
  readonly message: string;
  readonly path?: readonly PathStep[] | undefined;
  /** Unknown fields; zod names them beside the path of the object that has them. */
  readonly keys?: readonly string[];
}

function invalid(issues: readonly Issue[]): InvalidRequest {
  const { message = 'is not valid', path = [], keys: [unknown] = [] } = issues[0] ?? {};
  const param = fieldPath([...path, ...(unknown === undefined ? [] : [unknown])]) || null;
  return new InvalidRequest(`${param ?? 'The body'}: ${issueMessage(message)}`, param);
}

/** Keys such as `constructor` stay: a tool may have a parameter of that name, and nothing here merges objects by key. */
class RequestValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: invalid });
  }

  protected override stripProtoKeys(): void {}
}

const pipe = new RequestValidationPipe();

/**
 * For `@Body(checked(schema))`, `@Query` and `@Param`: the handler gets what the schema made of it, and the first problem
 * becomes a 400 that names the field. No global pipe: it would make promises for every parameter of every route.
 */
export const checked = (schema: NonNullable<ParameterDecoratorOptions['schema']>): ParameterDecoratorOptions => ({
  schema,
  pipes: [pipe],
});

const CheckedParam = createParamDecorator(({ zod }: { readonly zod: ZodType }, context: ExecutionContext) => {
  const { success, data, error } = zod.safeParse(context.switchToHttp().getRequest<FastifyRequest>().body);
  if (success) return data;
  throw invalid(error.issues);
});

/** Documents such a body. Swagger's types know a schema of zod for responses only, its generator for bodies too. */
export const ApiCheckedBody = (
  standardSchema: ZodType,
  examples: Record<string, { value: unknown }>,
): MethodDecorator => ApiBody({ standardSchema, examples } as ApiBodyOptions);

/** The body, checked at once: a pipe takes five promises, which the routes of chat requests do without. */
export const CheckedBody = (zod: ZodType): ParameterDecorator => CheckedParam({ zod }); // alone, Nest would take it for a pipe

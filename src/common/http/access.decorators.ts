import { createParamDecorator, SetMetadata, type CustomDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Caller, Scope } from '../caller.js';

export const PUBLIC_ROUTE = 'access:public';
export const REQUIRED_SCOPE = 'access:scope';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard of module identity on every route that is not public. */
    caller?: Caller;
  }
}

/** No credential is asked for; everything else needs one. */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC_ROUTE, true);

/** The credential must carry this scope, else 403 `permission_denied`. Without this decorator `chat` is required. */
export const RequireScope = (scope: Scope): CustomDecorator => SetMetadata(REQUIRED_SCOPE, scope);

/** The caller that the guard identified. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!caller) throw new Error('CurrentCaller used on a public route');
  return caller;
});

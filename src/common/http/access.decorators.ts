import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import type { Caller, Scope } from '../caller.js';

/** What a route asks of its callers: a scope, or nothing; a probe is not counted by address either. */
export type Access = Scope | 'public' | 'probe';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Left out: scope `chat`. */
    access?: Access;
  }

  interface FastifyRequest {
    /** Set by module identity before the body is read, on every route that is not public. */
    caller?: Caller;
  }
}

const ROUTES = new WeakMap<object, Access>();

/** Notes it in the route's Fastify configuration, which is known before the body is read; on a class, for its methods. */
function opensTo(access: Access): MethodDecorator & ClassDecorator {
  return (target: object, name?: string | symbol, descriptor?: PropertyDescriptor): void => {
    if (name !== undefined && descriptor) return mark(access, target, name, descriptor);
    const { prototype } = target as { prototype: object };
    for (const [method, found] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (method !== 'constructor' && typeof found.value === 'function' && !ROUTES.has(found.value as object)) {
        mark(access, prototype, method, found);
      }
    }
  };
}

function mark(access: Access, target: object, name: string | symbol, descriptor: PropertyDescriptor): void {
  ROUTES.set(descriptor.value as object, access);
  RouteConfig({ access })(target, name, descriptor);
}

/** No credential is asked for; everything else needs one. */
export const Public = () => opensTo('public');

/** As `Public`, for what orchestrators and balancers ask all the time from one address. */
export const Probe = () => opensTo('probe');

/** The credential must carry this scope, else 403 `permission_denied`. Without this decorator `chat` is required. */
export const RequireScope = (scope: Scope) => opensTo(scope);

/** The caller that module identity let in. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!caller) throw new Error('CurrentCaller used on a public route');
  return caller;
});

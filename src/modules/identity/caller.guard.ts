import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type ExecutionContext, type OnApplicationShutdown } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import passport from 'passport';
import CustomStrategy from 'passport-custom';
import { PermissionDenied } from '../../common/app-error.js';
import type { Caller, Scope } from '../../common/caller.js';
import { PUBLIC_ROUTE, REQUIRED_SCOPE } from '../../common/http/access.decorators.js';
import { Callers, invalidApiKey } from './callers.js';

const DEFAULT_SCOPE: Scope = 'chat';

/**
 * Whether these scopes open a route. `operator` does everything `admin` may, for all tenants. Neither includes `chat`:
 * a key for monitoring cannot spend money.
 */
export function mayEnter(scopes: readonly Scope[], required: Scope): boolean {
  return scopes.includes(required) || (required === 'admin' && scopes.includes('operator'));
}

/**
 * Passport knows strategies by name in one table for the whole process. Each application gets a name of its own, so
 * that two of them (replicas in a test) never check each other's keys. The strategy answers without waiting; an
 * unknown key fails rather than errs, which leaves the next strategy of the list its turn.
 */
function registerKeyStrategy(callers: Callers): string {
  const name = `api-key-${randomUUID()}`;
  passport.use(name, new CustomStrategy((request, done) => done(null, callers.identify(request.headers) ?? false)));
  return name;
}

/**
 * Guards every route that is not `@Public()`: 401 without a valid credential, 403 without the scope that
 * `@RequireScope()` names (else `chat`). Sets `request.caller`.
 */
@Injectable()
export class CallerGuard extends AuthGuard() implements OnApplicationShutdown {
  private readonly strategy: string;

  constructor(
    @Inject(Callers) callers: Callers,
    private readonly reflector: Reflector,
  ) {
    const strategy = registerKeyStrategy(callers);
    super({ defaultStrategy: strategy, property: 'caller', session: false });
    this.strategy = strategy;
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const route = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, route)) return true;
    await super.canActivate(context);
    const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
    const required = this.reflector.getAllAndOverride<Scope | undefined>(REQUIRED_SCOPE, route) ?? DEFAULT_SCOPE;
    if (!caller || !mayEnter(caller.scopes, required)) {
      throw new PermissionDenied(`This credential lacks the scope "${required}".`);
    }
    return true;
  }

  /** @throws InvalidApiKey when no strategy knew the credential */
  override handleRequest<TCaller = Caller>(error: unknown, caller: TCaller | false | null): TCaller {
    if (error instanceof Error) throw error;
    if (!caller) throw invalidApiKey();
    return caller;
  }

  onApplicationShutdown(): void {
    passport.unuse(this.strategy);
  }
}

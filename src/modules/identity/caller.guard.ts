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

/** The scope that a route asks for. */
type Access = Scope | 'public';

/**
 * Whether these scopes open a route. `operator` does everything `admin` may, for all tenants. Neither includes `chat`:
 * a key for monitoring cannot spend money.
 */
export function mayEnter(scopes: readonly Scope[], required: Scope): boolean {
  return scopes.includes(required) || (required === 'admin' && scopes.includes('operator'));
}

/** @throws PermissionDenied */
function admitted(caller: Caller | undefined, required: Scope): true {
  if (caller && mayEnter(caller.scopes, required)) return true;
  throw new PermissionDenied(`This credential lacks the scope "${required}".`);
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

  private readonly access = new WeakMap<object, Access>();

  constructor(
    @Inject(Callers) private readonly callers: Callers,
    private readonly reflector: Reflector,
  ) {
    const strategy = registerKeyStrategy(callers);
    super({ defaultStrategy: strategy, property: 'caller', session: false });
    this.strategy = strategy;
  }

  /**
   * A known key is let in without passport, which assigns six closures to properties for every request. V8 makes such
   * closures in the old space, where each keeps its whole request until the next full collection. Every other
   * credential is a case for passport and its strategies.
   */
  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const access = this.accessOf(context);
    if (access === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = this.callers.identify(request.headers);
    if (!caller) return this.authenticated(context, request, access);
    request.caller = caller;
    return admitted(caller, access);
  }

  private async authenticated(context: ExecutionContext, request: FastifyRequest, required: Scope): Promise<boolean> {
    await super.canActivate(context);
    return admitted(request.caller, required);
  }

  /** What the decorators of a route say, read once: handlers are methods of one class each. */
  private accessOf(context: ExecutionContext): Access {
    const handler = context.getHandler();
    let access = this.access.get(handler);
    if (access === undefined) {
      const route = [handler, context.getClass()];
      const isPublic = this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, route);
      const scope = this.reflector.getAllAndOverride<Scope | undefined>(REQUIRED_SCOPE, route) ?? DEFAULT_SCOPE;
      access = isPublic ? 'public' : scope;
      this.access.set(handler, access);
    }
    return access;
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

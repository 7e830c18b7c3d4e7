import { Inject, Injectable, NotFoundException, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { InvalidApiKey, PermissionDenied, RateLimitExceeded, TokenExpired } from '../../common/app-error.js';
import type { Caller, Scope } from '../../common/caller.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { Access } from '../../common/http/access.decorators.js';
import { isApiDocsRoute } from '../../common/http/api-docs.js';
import { CountAddressCommand } from '../quota/quota.messages.js';
import { isForeignPage, namesLoopback } from './browser-page.js';
import { CallerGuard } from './caller.guard.js';
import { Callers } from './callers.js';

const TOO_MANY_SIGN_INS = 'Too many requests without a valid API key came from your address. A valid key is let in.';

type Done = (error?: Error) => void;

/**
 * Whether these scopes open a route. `operator` does everything `admin` may, for all tenants. Neither includes `chat`:
 * a key for monitoring cannot spend money.
 */
export function mayEnter(scopes: readonly Scope[], required: Scope): boolean {
  return scopes.includes(required) || (required === 'admin' && scopes.includes('operator'));
}

/**
 * Says who may talk to the service, before anything of a body is read: pages of other sites may not talk to a service
 * without keys (403), whoever has no valid credential gets 401 or, after too many of those, 429, whoever lacks the scope
 * of a route 403. Nest's guards run when the body has been read, so this is a hook. Sets `request.caller`.
 */
@Injectable()
export class FrontDoor implements OnModuleInit {
  private readonly access = new WeakMap<object, Access>();
  /** The last `Host` that was found to be loopback: callers send one of few. */
  private loopbackHost: string | undefined;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly callers: Callers,
    @Inject(CallerGuard) private readonly guard: CallerGuard,
    private readonly config: LiveConfig,
    private readonly commands: CommandBus,
  ) {}

  onModuleInit(): void {
    this.host.httpAdapter
      .getInstance<FastifyInstance>()
      .addHook('onRequest', (request, reply, done) => this.receive(request, reply, done));
  }

  /**
   * A known key, and a token that was checked a short while ago, are let in without passport, which assigns six closures
   * to properties for every request. V8 makes such closures in the old space, where each keeps its whole request until
   * the next full collection. Every other credential is a case for passport and its strategies.
   */
  private receive(request: FastifyRequest, reply: FastifyReply, done: Done): void | Promise<void> {
    if (this.callers.open) this.refusePages(request);
    if (request.is404) throw new NotFoundException(); // the filter names the route
    const access = this.accessOf(request.routeOptions.config);
    if (access === 'probe') return done();
    if (access === 'public') return this.commands.execute(new CountAddressCommand(request.ip, 'page'));
    const caller = this.callers.identify(request.headers);
    if (!caller) return this.authenticated(request, reply, access);
    request.caller = caller;
    this.admit(caller, access);
    done();
  }

  private async authenticated(request: FastifyRequest, reply: FastifyReply, required: Scope): Promise<void> {
    const caller = await this.guard.identify(request, reply).catch((error: unknown) => this.refused(request, error));
    this.admit(caller, required);
  }

  /** A valid credential is let in all the same: callers behind one address cannot lock each other out. */
  private async refused({ ip }: FastifyRequest, error: unknown): Promise<never> {
    if (!(error instanceof InvalidApiKey || error instanceof TokenExpired)) throw error;
    try {
      await this.commands.execute(new CountAddressCommand(ip, 'failedSignIn'));
    } catch (tooMany) {
      if (!(tooMany instanceof RateLimitExceeded)) throw tooMany;
      const seconds = Number(tooMany.headers['retry-after']);
      throw new RateLimitExceeded(TOO_MANY_SIGN_INS, seconds).final(); // the same credential fails again
    }
    throw error;
  }

  private admit(caller: Caller | undefined, required: Scope): void {
    if (caller && mayEnter(caller.scopes, required)) return;
    throw new PermissionDenied(`This credential lacks the scope "${required}".`);
  }

  /** @throws PermissionDenied */
  private refusePages({ headers }: FastifyRequest): void {
    if (headers.host !== this.loopbackHost) {
      if (!namesLoopback(headers.host)) {
        throw new PermissionDenied(
          'Without auth.keys or auth.jwt this service is for its own machine: call it as 127.0.0.1 or localhost, or configure keys.',
        );
      }
      this.loopbackHost = headers.host;
    }
    if (!isForeignPage(headers, this.config.current.server.corsOrigins)) return;
    throw new PermissionDenied(
      'A page of another site may not use this service without a key. Add its origin to server.corsOrigins, or ' +
        'configure auth.keys or auth.jwt.',
    );
  }

  /** What the decorators of a route say. Its configuration is one object for all its requests. */
  private accessOf(route: { readonly access?: Access; readonly url?: string }): Access {
    let access = this.access.get(route);
    if (access === undefined) {
      access = route.access ?? (isOpenWithout(route.url ?? '') ? 'public' : 'chat');
      this.access.set(route, access);
    }
    return access;
  }
}

/** Routes that no controller has: the documentation, and `*`, the preflight of nobody's origin, which is a 404. */
const isOpenWithout = (url: string): boolean => url === '*' || isApiDocsRoute(url);

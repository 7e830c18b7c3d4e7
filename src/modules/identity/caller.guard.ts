import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import type { FastifyReply, FastifyRequest } from 'fastify';
import passport from 'passport';
import CustomStrategy from 'passport-custom';
import type { Caller } from '../../common/caller.js';
import { Callers, invalidApiKey } from './callers.js';

/**
 * Passport knows strategies by name in one table for the whole process. Each application gets names of its own, so that
 * two of them (replicas in a test) never check each other's credentials. A strategy that does not know a credential fails
 * rather than errs, which leaves the next one its turn.
 *
 * @returns the names, in the order in which they are asked
 */
function registerStrategies(callers: Callers): string[] {
  const names = ['api-key', 'jwt'].map((kind) => `${kind}-${randomUUID()}`);
  const [apiKey, jwt] = names;
  class ApiKeyStrategy extends PassportStrategy(CustomStrategy, apiKey) {
    validate({ headers }: FastifyRequest): Caller | false {
      return callers.identify(headers) ?? false;
    }
  }
  class JwtStrategy extends PassportStrategy(CustomStrategy, jwt) {
    async validate({ headers, ip }: FastifyRequest): Promise<Caller | false> {
      return (await callers.identifyToken(headers, ip)) ?? false;
    }
  }
  new ApiKeyStrategy();
  new JwtStrategy();
  return names;
}

/** Passport and its strategies, for every credential that is not known yet. The front door asks it, no route does. */
@Injectable()
export class CallerGuard extends AuthGuard() implements OnApplicationShutdown {
  private readonly strategies: readonly string[];

  constructor(@Inject(Callers) callers: Callers) {
    const strategies = registerStrategies(callers);
    super({ defaultStrategy: strategies, property: 'caller', session: false });
    this.strategies = strategies;
  }

  /** @throws InvalidApiKey when no strategy knows the credential, and what `JwtSignIn` throws */
  async identify(request: FastifyRequest, reply: FastifyReply): Promise<Caller | undefined> {
    await this.canActivate(new ExecutionContextHost([request, reply]));
    return request.caller;
  }

  override handleRequest<TCaller = Caller>(error: unknown, caller: TCaller | false | null): TCaller {
    if (error instanceof Error) throw error;
    if (!caller) throw invalidApiKey();
    return caller;
  }

  onApplicationShutdown(): void {
    for (const strategy of this.strategies) passport.unuse(strategy);
  }
}

import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyReply, FastifyRequest } from 'fastify';
import passport from 'passport';
import CustomStrategy from 'passport-custom';
import type { Caller } from '../../common/caller.js';
import { Callers, invalidApiKey } from './callers.js';

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

/** Passport and its strategies, for every credential that is no known key. The front door asks it, no route does. */
@Injectable()
export class CallerGuard extends AuthGuard() implements OnApplicationShutdown {
  private readonly strategy: string;

  constructor(@Inject(Callers) callers: Callers) {
    const strategy = registerKeyStrategy(callers);
    super({ defaultStrategy: strategy, property: 'caller', session: false });
    this.strategy = strategy;
  }

  /** @throws InvalidApiKey when no strategy knows the credential */
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
    passport.unuse(this.strategy);
  }
}

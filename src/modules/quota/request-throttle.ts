import { Injectable, type ExecutionContext } from '@nestjs/common';
import { ThrottlerGuard } from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RESERVES_QUOTA } from '../../common/http/counting.decorators.js';
import type { ThrottleLedger } from './throttle-ledger.js';

/**
 * Requests a minute, on every route with a caller. Who is known to be over the limit goes no further, and Redis is not asked
 * for it; what is let in is counted here, but for routes that reserve: there the reservation counts it, in one script with its
 * tokens, so that a plain request asks Redis once. Runs behind the front door, which has put the caller on the request.
 */
@Injectable()
export class RequestThrottle extends ThrottlerGuard {
  /** @throws RateLimitExceeded */
  protected override async shouldSkip(context: ExecutionContext): Promise<boolean> {
    const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!caller) return true;
    const reserves = this.reflector.get<true | undefined>(RESERVES_QUOTA, context.getHandler()) === true;
    if (reserves) this.ledger.refuseFull(caller);
    return reserves;
  }

  protected override async getTracker(request: FastifyRequest): Promise<string> {
    return this.ledger.trackerOf(request.caller!);
  }

  protected override generateKey(context: ExecutionContext, tracker: string): string {
    const http = context.switchToHttp();
    const { caller } = http.getRequest<FastifyRequest>();
    return this.ledger.keyOf(tracker, { caller: caller!, reply: http.getResponse<FastifyReply>() });
  }

  private get ledger(): ThrottleLedger {
    return this.storageService as ThrottleLedger;
  }
}

import { Injectable, type ExecutionContext } from '@nestjs/common';
import { ThrottlerGuard } from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RESERVES_QUOTA } from '../../common/http/counting.decorators.js';
import type { ThrottleLedger } from './throttle-ledger.js';

const LET_IN = Promise.resolve(true);

/**
 * Requests a minute, on every route with a caller, but for those that reserve: there the reservation counts the request, in one
 * script with its tokens, so that a plain request asks Redis once, and tells of those it refuses. Runs behind the front door,
 * which has put the caller on the request.
 */
@Injectable()
export class RequestThrottle extends ThrottlerGuard {
  private readonly reserving = new WeakMap<object, boolean>();

  /**
   * Routes that reserve are settled in one step. The request is the first argument of every handler: `switchToHttp` would
   * assign three closures to properties (see `FrontDoor`).
   */
  override canActivate(context: ExecutionContext): Promise<boolean> {
    const { caller } = context.getArgByIndex<FastifyRequest>(0);
    return caller && !this.reserves(context.getHandler()) ? super.canActivate(context) : LET_IN;
  }

  protected override async getTracker(request: FastifyRequest): Promise<string> {
    return this.ledger.trackerOf(request.caller!);
  }

  protected override generateKey(context: ExecutionContext, tracker: string): string {
    const { caller } = context.getArgByIndex<FastifyRequest>(0);
    return this.ledger.keyOf(tracker, { caller: caller!, reply: context.getArgByIndex<FastifyReply>(1) });
  }

  /** Whether a route is `@ReservesQuota()`; looked up once for each. */
  private reserves(handler: ReturnType<ExecutionContext['getHandler']>): boolean {
    let known = this.reserving.get(handler);
    if (known === undefined) {
      known = this.reflector.get<true | undefined>(RESERVES_QUOTA, handler) === true;
      this.reserving.set(handler, known);
    }
    return known;
  }

  private get ledger(): ThrottleLedger {
    return this.storageService as ThrottleLedger;
  }
}

import { UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../caller.js';

/** Takes one request of the caller's limit and gives the `x-ratelimit-*` headers. @throws RateLimitExceeded */
export type CountRequest = (caller: Caller) => Promise<Readonly<Record<string, string>>>;

declare module 'fastify' {
  interface FastifyInstance {
    /** Of module quota. */
    countRequest: CountRequest;
  }
}

class RequestCount implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const { server, caller } = http.getRequest<FastifyRequest>();
    if (caller) http.getResponse<FastifyReply>().headers(await server.countRequest(caller));
    return true;
  }
}

/**
 * The route draws on `requestsPerMinute`. For every route that makes work and calls no model; those that call one
 * reserve what they need by themselves.
 */
export const CountsAsRequest = () => UseGuards(new RequestCount());

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** nginx's number for a caller that went away. */
export const CLIENT_CLOSED_REQUEST = 499;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route calls models; see `ReservesQuota`. */
    callsModels?: boolean;
  }
  interface FastifyInstance {
    requestEnds: RequestEnds;
  }
  interface FastifyRequest {
    /** Whether the end of this request is told elsewhere: of an answer of a model, by module chat. */
    endIsTold: boolean;
    /** `code` of the error that goes out. */
    errorCode: string | null;
  }
}

/** @param status of the answer; 499 when the caller went away before there was one */
export type EndListener = (request: FastifyRequest, reply: FastifyReply, status: number) => void;

/**
 * Tells, once each, of requests whose end nobody else tells of: everything but what models answer. What is answered on the
 * raw response (the path of answers) does not come by here and costs nothing.
 */
export class RequestEnds {
  private listener: EndListener | null = null;
  private brokenListener: (status: number) => void = () => undefined;

  /** The one who wants to know; nobody before that. @param onBroken is told of what was refused before it was a request */
  listen(listener: EndListener, onBroken: (status: number) => void): void {
    this.listener = listener;
    this.brokenListener = onBroken;
  }

  /** It was no HTTP, or none that this service speaks. */
  tellBroken(status: number): void {
    this.brokenListener(status);
  }

  tell(request: FastifyRequest, reply: FastifyReply, status: number): void {
    if (request.endIsTold) return;
    request.endIsTold = true;
    this.listener?.(request, reply, status);
  }
}

/** Makes `requestEnds` known to all routes. */
export function useRequestEnds(fastify: FastifyInstance): void {
  fastify.decorateRequest('endIsTold', false).decorateRequest('errorCode', null);
  fastify.decorate('requestEnds', new RequestEnds());
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    fastify.requestEnds.tell(request, reply, reply.statusCode);
    done();
  });
}

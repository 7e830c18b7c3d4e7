import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AppError } from '../app-error.js';
import { isClosed, onceClosed } from './response-closed.js';

/** The caller closed the connection before the answer was complete. An everyday thing: nobody is told of it as an error. */
export class CallerGone extends Error {
  constructor() {
    super('the caller went away');
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    callerSignals: CallerSignals;
  }
  interface FastifyRequest {
    /** Kept by `CallerSignals`; `null` until somebody asks. */
    callerSignal: AbortSignal | null;
  }
}

/**
 * One signal a request, on which everything hangs that is done for its caller. It is aborted with `CallerGone` when the
 * connection closes before the response is complete (from the beginning, when it closed before anybody asked), and with
 * an error of the catalogue when the service ends before the answer does.
 */
export class CallerSignals {
  private readonly open = new Set<AbortController>();
  private ended: AppError | null = null;

  /** Requests whose signal was asked for and whose connection is open. */
  get size(): number {
    return this.open.size;
  }

  /** The same signal for everybody who asks about one request. */
  of(request: FastifyRequest, reply: FastifyReply): AbortSignal {
    return (request.callerSignal ??= this.watch(request, reply.raw));
  }

  /** Ends every request that is under way, and those that are still to come, with this error. */
  endAll(error: AppError): void {
    this.ended = error;
    for (const controller of this.open) controller.abort(error);
  }

  private watch({ raw: incoming }: FastifyRequest, response: ServerResponse): AbortSignal {
    const controller = new AbortController();
    const onClose = (): void => {
      this.open.delete(controller);
      if (!response.writableFinished) controller.abort(new CallerGone());
    };
    if (isClosed(incoming, response)) {
      onClose();
      return controller.signal;
    }
    this.open.add(controller);
    onceClosed(incoming, response, onClose);
    if (this.ended) controller.abort(this.ended);
    return controller.signal;
  }
}

/** Makes `callerSignals` known to all routes. */
export function useCallerSignals(fastify: FastifyInstance): void {
  fastify.decorateRequest('callerSignal', null);
  fastify.decorate('callerSignals', new CallerSignals());
}

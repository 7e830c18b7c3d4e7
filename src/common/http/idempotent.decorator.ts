import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../caller.js';

export const IDEMPOTENCY_HEADER = 'idempotency-key';

/** Answers a request with `work`, or with what an equal request was answered before. */
export type AnswerOnce = (
  request: FastifyRequest,
  reply: FastifyReply,
  work: () => Promise<unknown>,
) => Promise<unknown>;

/** Keeps a stream while it goes out. */
export interface StreamCopy {
  /** The next piece. */
  piece(text: string): void;
  /** The last piece of a complete one, before it goes out. Resolves once a duplicate finds all of it; never rejects. */
  last(text: string): Promise<void>;
  /** It has ended without being complete. */
  broken(): void;
}

/** Keeps the answer that goes out, for the next request with the same key. */
export interface AnswerKeeper {
  /** A whole body, before it goes out. Resolves once a duplicate finds it; never rejects. */
  keep(headers: Readonly<Record<string, string>>, body: string): Promise<void>;
  stream(headers: Readonly<Record<string, string>>): StreamCopy;
}

declare module 'fastify' {
  interface FastifyReply {
    /** Of a request whose answer is kept; `null` of every other one. */
    answerKeeper: AnswerKeeper | null;
  }
  interface FastifyInstance {
    /** Of module idempotency. */
    answerOnce: AnswerOnce;
  }
}

type Handler<Body, Answer> = (
  body: Body,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<Answer>;

/**
 * The route honours `Idempotency-Key`: its answer is given once more to the same request with the same key. Wraps the
 * handler itself: a Nest interceptor would build observables for every request of every route, and most have no key.
 * Stands last, nearest to the method, since it puts another function in its place. The handler sends its answer itself
 * (`@Res()`), through whoever knows the `answerKeeper` of the reply.
 */
export function Idempotent() {
  return <Body, Answer>(
    _target: object,
    name: string,
    descriptor: TypedPropertyDescriptor<Handler<Body, Answer>>,
  ): void => {
    const handle = descriptor.value as Handler<Body, Answer>;
    const answer: Handler<Body, Answer> = function (this: unknown, body, caller, request, reply) {
      if (request.headers[IDEMPOTENCY_HEADER] === undefined) return handle.call(this, body, caller, request, reply);
      const work = () => handle.call(this, body, caller, request, reply);
      return request.server.answerOnce(request, reply, work) as Promise<Answer>;
    };
    descriptor.value = Object.defineProperty(answer, 'name', { value: name }); // OpenAPI's `operationId` has it
  };
}

import type { Attempt } from '../../common/attempt.js';
import type { ChatFrame } from '../../common/chat.js';
import type { ChunkStream } from '../../common/chunk-stream.js';
import type { RequestTrace } from '../../common/tracing/request-trace.js';
import type { Usage } from '../../common/usage.js';
import type { RouteDecision } from '../router/router.messages.js';
import type { Billed } from './answer-bill.js';
import type { AnsweredBy } from './chat.messages.js';

/** What one request takes of what an answer took. */
export interface Charge {
  /** `false`: the answer was made before, or somebody else pays. */
  readonly pays: boolean;
  readonly billed: Billed;
  /** USD; `null` = unknown. */
  readonly costUsd: number | null;
  /** Calls of model servers. */
  readonly attempts: readonly Attempt[];
}

export const NO_CHARGE: Charge = Object.freeze({
  pays: false,
  billed: Object.freeze({ tokens: 0, usd: 0 }),
  costUsd: 0,
  attempts: Object.freeze([]),
});

/** Two charges of one request. */
export function together(charge: Charge, other: Charge | null): Charge {
  if (!other?.pays) return charge;
  return {
    pays: true,
    billed: { tokens: charge.billed.tokens + other.billed.tokens, usd: charge.billed.usd + other.billed.usd },
    costUsd: charge.costUsd === null || other.costUsd === null ? null : charge.costUsd + other.costUsd,
    attempts: [...other.attempts, ...charge.attempts],
  };
}

/** An answer that has begun, as one request gets it: of a model, of somebody else's model, or a kept one. */
export interface GivenAnswer extends ChunkStream {
  /** Whether it ends by itself, with an error, when its caller goes away. */
  readonly endsWithCaller: boolean;
  /** Milliseconds spent waiting for model servers, or for somebody else's answer, until it began. */
  readonly upstreamMs: number;
  /** Another target at the end than at the beginning, where that one completed an answer that was cut. */
  readonly route: Omit<AnsweredBy, 'strategy'>;
  /** Of the target that answers, tokens; `null` when unknown. */
  readonly contextWindow: number | null;
  /** `null` where none was made for this request. */
  readonly decision: RouteDecision | null;
  /** Of the request that it was made for, where that is another one. */
  readonly madeIn: RequestTrace | null;
  /** Calls of model servers that were made for this request so far. */
  readonly attempts: readonly Attempt[];
  /** Of what has come. */
  readonly usage: Usage | null;
  /** What this request pays so far, USD; `null` = unknown. */
  readonly costUsd: number | null;
  /** What was saved, where the answer was not made for this request: USD, and milliseconds that making it took. */
  readonly saved: { readonly usd: number; readonly ms: number };
  /** The whole of it, as one `chat.completion`. Called at its end. */
  completion(): ChatFrame;
  /** Gives the request's part in it back. Called once. */
  leave(): Charge;
}

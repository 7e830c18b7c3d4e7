import { Command } from '@nestjs/cqrs';
import type { AttemptLog } from '../../common/attempt.js';
import type { Budget } from '../../common/budget.js';
import type { ChatRequest } from '../../common/chat.js';
import type { ChunkStream } from '../../common/chunk-stream.js';
import type { HistoryTurn } from '../../common/conversation.js';
import type { EmbeddingRequest } from '../../common/embeddings.js';
import type { RequestTrace } from '../../common/tracing/request-trace.js';
import type { TargetStatus } from '../../common/target.js';

/**
 * An answer that has begun: the first content is here. It is relayed from its beginning; the sink's `end` gets the typed
 * error where it breaks off.
 */
export interface ModelAnswer extends ChunkStream {
  /** The model that answers, as its server names it. */
  readonly model: string;
  /** The target that answers; another one at the end, when the first broke off and that one completed the answer. */
  readonly target: TargetStatus;
  /** Whether another target than the first candidate answers. */
  readonly fallback: boolean;
  /** Whether it was cut, and another attempt has gone on with it. */
  readonly recovered: boolean;
  /** Milliseconds spent waiting for model servers until it began, failed tries included. */
  readonly upstreamMs: number;
}

/** Who is to answer, and what it may take. */
export interface TargetSearch {
  /** Targets in the order to try them, held since the decision: a reload does not change what a request may use. */
  readonly candidates: readonly TargetStatus[];
  /** Targets that could take the request but were left out because they are down: nobody asks them now. */
  readonly down: readonly TargetStatus[];
  /** Every call made for the answer is written down here as it begins, so that it is known also when all fail. */
  readonly attempts: AttemptLog;
  readonly budget: Budget;
  readonly signal: AbortSignal;
  /** Of the request; model servers are told of it. */
  readonly trace: RequestTrace | null;
}

/** A conversation that is to be answered. */
export interface ModelCalls extends TargetSearch {
  readonly request: ChatRequest;
  readonly history: readonly HistoryTurn[];
}

/** Inputs that vectors are to be made of, as many as one call may ask for. */
export interface EmbedCalls extends TargetSearch {
  readonly request: EmbeddingRequest;
}

/**
 * Gets an answer from the candidates in order, within the budget. Resolves when the first content has arrived, so
 * the caller can still choose the status line; plain answers are one chunk. A text that is cut later goes on with another
 * attempt where the two can be joined (`resilience.streamRecovery`).
 *
 * @throws AppError of the API's catalogue when no candidate answered
 */
export class CallModelsCommand extends Command<ModelAnswer> {
  constructor(readonly calls: ModelCalls) {
    super();
  }
}

/**
 * Gets vectors from the candidates in order, as `CallModelsCommand` gets answers: with retries, breakers, rests and fallback,
 * within the budget. The answer is whole when this resolves: one chunk with one `VectorsFrame`. Who asks sees to it that the
 * candidates are of one model, as vectors of two do not belong together.
 *
 * @throws AppError of the API's catalogue when no candidate answered
 */
export class EmbedModelsCommand extends Command<ModelAnswer> {
  constructor(readonly calls: EmbedCalls) {
    super();
  }
}

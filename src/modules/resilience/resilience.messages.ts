import { Command } from '@nestjs/cqrs';
import type { Attempt } from '../../common/attempt.js';
import type { Budget } from '../../common/budget.js';
import type { ChatChunk, ChatRequest } from '../../common/chat.js';
import type { HistoryTurn } from '../../common/conversation.js';
import type { TargetStatus } from '../../common/target.js';

/** An answer that has begun: the first content is here, the rest comes as the iterable is pulled. */
export interface ModelAnswer extends AsyncIterable<ChatChunk> {
  /** The model that answers, as its server names it. */
  readonly model: string;
  /** The target that answers; another one at the end, when the first broke off and that one completed the answer. */
  readonly target: TargetStatus;
  /** Whether another target than the first candidate answers. */
  readonly fallback: boolean;
  /** Milliseconds spent waiting for model servers so far, failed tries included. */
  readonly upstreamMs: number;
  /** Ends the call behind it, also when nothing has been read; does nothing once the answer is complete. */
  abandon(): Promise<void>;
}

/**
 * Gets an answer from the candidates in order, within the budget. Resolves when the first content has arrived, so
 * the caller can still choose the status line; plain answers are one chunk. A text that is cut later goes on with another
 * attempt where the two can be joined (`resilience.streamRecovery`); iterating throws the typed error where they cannot.
 *
 * @throws AppError of the API's catalogue when no candidate answered
 */
export class CallModelsCommand extends Command<ModelAnswer> {
  constructor(
    /** Targets in the order to try them, held since the decision: a reload does not change what a request may use. */
    readonly candidates: readonly TargetStatus[],
    readonly request: ChatRequest,
    readonly history: readonly HistoryTurn[],
    /** Every call made for the answer is written down here as it begins, so that it is known also when all fail. */
    readonly attempts: Attempt[],
    readonly budget: Budget,
    readonly signal: AbortSignal,
    /** Targets that could take the request but were left out because they are down: nobody asks them now. */
    readonly down: readonly TargetStatus[] = [],
  ) {
    super();
  }
}

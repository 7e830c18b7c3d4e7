import { Query } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';
import type { ChatFrame, ChatRequest } from '../../common/chat.js';
import type { HistoryTurn } from '../../common/conversation.js';
import type { Usage } from '../../common/usage.js';
import type { AnsweredBy } from '../chat/chat.messages.js';

/** `x-router-cache`. */
export type CacheResult = 'HIT' | 'MISS' | 'BYPASS' | 'DISABLED';

/** A complete answer, kept as one `chat.completion`; it is replayed as a stream where one is asked for. */
export interface CachedAnswer extends Pick<AnsweredBy, 'target' | 'tier' | 'model' | 'simulated'> {
  readonly completion: ChatFrame;
  readonly usage: Usage | null;
}

export interface CacheLookup {
  readonly result: CacheResult;
  readonly answer: CachedAnswer | null;
  /** Where the answer belongs once it is known; `null` = it must not be stored. */
  readonly key: string | null;
}

/** What is asked, and by whom. */
export interface AnswerLookup {
  readonly caller: Caller;
  readonly request: ChatRequest;
  /** The session's earlier turns, oldest first. */
  readonly turns: readonly HistoryTurn[];
  /** From the request's body or header; `null` = the model's own. */
  readonly strategy: string | null;
  /** The request's `Cache-Control` header; `no-cache` skips the look-up, `no-store` the storing too. */
  readonly cacheControl: string | undefined;
}

/**
 * Looks for the answer to exactly this request. The key is an HMAC over scope, model, strategy, policy version and
 * the full request with the session's messages; `stream` and `stream_options` are not part of it, as either form can be
 * replayed as the other.
 */
export class FindAnswerQuery extends Query<CacheLookup> {
  constructor(readonly asked: AnswerLookup) {
    super();
  }
}

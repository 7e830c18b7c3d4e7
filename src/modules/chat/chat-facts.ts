import type { Caller } from '../../common/caller.js';
import type { ChatRequest } from '../../common/chat.js';
import { fitConversation } from '../../common/conversation.js';
import type { RequestTrace } from '../../common/tracing/request-trace.js';
import { estimateRequestTokens } from '../../common/token-estimate.js';
import type { CacheLookup } from '../cache/cache.messages.js';
import type { QuotaLease } from '../quota/quota.messages.js';
import type { Charge } from './given-answer.js';
import type { Conversation } from '../session/session.messages.js';

/** A checked request and where it came from. */
export interface ChatAsk {
  readonly request: ChatRequest;
  readonly caller: Caller;
  readonly requestId: string;
  readonly sessionId: string | null;
  /** Whether the turn is stored in the session. */
  readonly keepsTurn: boolean;
  readonly strategy: string | null;
  /** Whether the caller is shown why its target was chosen. */
  readonly explain: boolean;
  readonly cacheControl: string | undefined;
  /** `null` where there is nothing to hand on and nothing to record. */
  readonly trace: RequestTrace | null;
  /** `performance.now()` at arrival, milliseconds. */
  readonly startedAt: number;
  /** Aborts when the caller goes away, or the service ends before the answer does. */
  readonly signal: AbortSignal;
}

/** Stands for the cache's answer to a request that ended before it was asked. */
export const NOT_LOOKED_UP: CacheLookup = Object.freeze({
  ...{ result: 'DISABLED', answer: null, key: null, isShared: false, bypass: null },
} as const);

/** What is known of a request: every step of the recipe makes it anew with its own part. */
export interface ChatFacts {
  readonly ask: ChatAsk;
  readonly lease: QuotaLease;
  readonly conversation: Conversation;
  readonly lookup: CacheLookup;
  /** What generations took that brought the request nothing, where it had come to lead them; `null` = nothing. */
  readonly owed: Charge | null;
  /** The strategy of the model that was asked for; `priority` for a target by its own name. */
  readonly ownStrategy: string;
}

/** Tokens of what goes to a model of this window, estimated. @param contextWindow tokens; `null` = unknown */
export function promptTokens({ ask, conversation }: ChatFacts, contextWindow: number | null): number {
  const { request } = ask;
  const { messages } = fitConversation(conversation.turns, request, contextWindow);
  return estimateRequestTokens({ ...request, messages });
}

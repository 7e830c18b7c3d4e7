import { fitConversation } from '../../common/conversation.js';
import { estimateRequestTokens } from '../../common/token-estimate.js';
import type { CacheLookup } from '../cache/cache.messages.js';
import { messagesToKeep } from '../../common/json/numbers.js';
import { keptMark } from '../../common/translated-request.js';
import type { QuotaLease } from '../quota/quota.messages.js';
import type { ChatAsk } from './chat.messages.js';
import type { Charge } from './given-answer.js';
import type { Conversation } from '../session/session.messages.js';

/** Stands for the cache's answer to a request that ended before it was asked. */
export const NOT_LOOKED_UP: CacheLookup = Object.freeze({
  ...{ result: 'DISABLED', answer: null, key: null, isShared: false, bypass: null },
} as const);

/** What is known of a request: every step of the recipe makes it anew with its own part. */
export interface ChatFacts {
  readonly ask: ChatAsk;
  readonly lease: QuotaLease;
  /** What stands in front of the request's messages. */
  readonly conversation: Conversation;
  /** That answered the latest turn of the session; `null` = there is none. */
  readonly previousTarget: string | null;
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

/** The facts with the conversation that was loaded, in the way in which the request goes on with it. */
export function withHistory(facts: ChatFacts, conversation: Conversation): ChatFacts {
  const { ask } = facts;
  const { turns, began } = conversation;
  const known = { ...facts, previousTarget: turns.at(-1)?.target ?? null };
  if (ask.turns.use === 'stored') return { ...known, conversation };
  const rest: Conversation = { turns: [], ...(began ? { began } : {}) };
  if (ask.turns.use === 'sent') return { ...known, conversation: rest };
  // none of it may be dropped: it is part of the request
  const { messages } = fitConversation(turns, ask.request, null);
  const request = keptMark(ask.request, { ...ask.request, messages });
  const own = { ...ask.turns, keeps: ask.turns.keeps ?? messagesToKeep(ask.request) };
  return { ...known, conversation: rest, ask: { ...ask, request, turns: own } };
}

import { Command, Query } from '@nestjs/cqrs';
import type { Attempt } from '../../common/attempt.js';
import type { Caller } from '../../common/caller.js';
import type { ChatFrame, ChatMessage, ChatRequest } from '../../common/chat.js';
import type { HeaderList } from '../../common/http/answer-writer.js';
import type { Arrival } from '../../common/http/arrival.js';
import type { Relayed } from '../../common/http/sse-writer.js';
import type { Tier } from '../../common/target.js';
import type { RequestTrace } from '../../common/tracing/request-trace.js';
import type { Usage } from '../../common/usage.js';
import type { BypassCause, CacheResult } from '../cache/cache.messages.js';
import type { RouteDecision } from '../router/router.messages.js';
import type { QuotaLease } from '../quota/quota.messages.js';
import type { ResponseOfTurn } from '../session/session.messages.js';
import type { Billed } from './answer-bill.js';

/** A checked request and where it came from. */
export interface ChatAsk extends Arrival {
  readonly request: ChatRequest;
  readonly caller: Caller;
  /** Whether the caller is shown why its target was chosen. */
  readonly explain: boolean;
  /** How it goes on with its session. */
  readonly turns: TurnsOfAsk;
  /** Whether the turn is stored in the session. */
  readonly keepsTurn: boolean;
  /** Nobody waits for it: a kept answer is made anew. */
  readonly isRenewal: boolean;
}

/** How a request goes on with the session it names. */
export interface TurnsOfAsk {
  /**
   * - `stored`: its turns are put in front of the messages, the oldest dropped where they do not fit;
   * - `whole`: the same, and what does not fit is `context_length_exceeded`;
   * - `sent`: the caller has sent the whole conversation itself; the session has the record, and keeps to its target;
   * - `new`: it begins with this request, so nothing is looked for.
   */
  readonly use: 'stored' | 'whole' | 'sent' | 'new';
  /** The conversation as it was after the response of this id; `null` = all of it. */
  readonly upTo: string | null;
  /** What is stored as the caller's messages of this turn; `null` = those of the request. */
  readonly keeps: readonly ChatMessage[] | null;
  /** What is stored beside the turn, as `Turn.response`; `null` = nothing. */
  readonly response: ResponseOfTurn | null;
}

/** As chat completions do. */
export const PLAIN_TURNS: TurnsOfAsk = Object.freeze({ use: 'stored', upTo: null, keeps: null, response: null });

/** Whether stored turns may go out in front of the messages of a request. */
export const isBehindTurns = ({ sessionId, turns: { use } }: Pick<ChatAsk, 'sessionId' | 'turns'>): boolean =>
  sessionId !== null && (use === 'stored' || use === 'whole');

/**
 * Has a request answered, whatever door it came through: the whole recipe (DESIGN section 5) with limits, cache, decision,
 * resilience, session and record. Resolves when the answer has begun; whoever sends this relays it, or tells that it cannot
 * (`ChatAnswer.fail`).
 *
 * @throws AppError of the catalogue, and the signal's reason
 */
export class AnswerChatCommand extends Command<ChatAnswer> {
  constructor(readonly ask: ChatAsk) {
    super();
  }
}

/** An answer that has begun: chat chunks, one `chat.completion` where no stream was asked for. */
export interface ChatAnswer extends Relayed {
  /** Who answers; another one at the end where a cut answer was completed. */
  readonly route: AnsweredBy;
  /** How it ended; `null` before. Set when its sink is told of the end. */
  readonly result: ChatEnd | null;
  /** `x-router-*` and rate limits, as known now (DESIGN section 4). */
  headers(): HeaderList;
  /** The same of a plain answer that has ended: with its cost, and whether its turn is stored. */
  plainHeaders(): HeaderList;
  /** It cannot be sent: ends what is under way for it. */
  fail(error: unknown): void;
}

/** How a request ended, seen from the caller; a closed set, it is a metric label and a log field. */
export type ChatOutcome = 'answered' | 'failed' | 'cut' | 'aborted';

/** How a request ended, well or badly, and what came of it. */
export interface ChatEnd {
  readonly outcome: ChatOutcome;
  /** HTTP status of the answer; 200 for a stream that was cut later, 499 when the caller went away first. */
  readonly status: number;
  /** `code` of the error, if one went out. */
  readonly errorCode: string | null;
  /** `null` when no answer had begun and no call was left to its server. */
  readonly route: AnsweredBy | null;
  /** Of the answer as far as it came; estimates say so. `null` when none had begun, unless its caller left a model with the prompt. */
  readonly usage: Usage | null;
  /** USD, as the caller is told; 0 where there was none, or it was made before or for somebody else; `null` when a count or a price is unknown. */
  readonly costUsd: number | null;
  /** The whole answer as one `chat.completion`; `null` unless answered. */
  readonly completion: ChatFrame | null;
  /** Whether a durable store has the turn; `null` without a session, and where none was to be stored. */
  readonly persisted: boolean | null;
}

/** A request that has ended. */
export interface CompletedChat extends ChatEnd {
  /** What models were asked for: left out, an answer to a conversation. */
  readonly operation?: 'embeddings';
  readonly requestId: string;
  readonly caller: Caller;
  /** The model name the caller asked for, if it exists. */
  readonly requestedModel: string;
  /** What is taken from the caller's limits, answers that were not used included. */
  readonly billed: Billed;
  readonly attempts: readonly Attempt[];
  readonly timing: ChatTiming;
  /** What was taken in advance. */
  readonly lease: QuotaLease;
  readonly cache: CacheUse;
  /** `null` where nothing was decided for it: a kept answer, or an end before that. */
  readonly decision: DecidedBy | null;
  /** Whether the answer was made for this request: its usage and cost are nobody else's. */
  readonly pays: boolean;
  readonly stream: boolean;
  readonly sessionId: string | null;
  /** What was asked, where the tenant's content may stand in the log; else `null`, so that nothing of it lives on. */
  readonly asked: ChatRequest['messages'] | null;
  /** `null` where there was nothing to hand on and nothing to record. */
  readonly trace: RequestTrace | null;
  /** Of the request that the answer was made for, where that is another one. */
  readonly joined: RequestTrace | null;
}

/** What the cache said, and what it saved. */
export interface CacheUse {
  /** `null` where it was not asked: the request ended before. */
  readonly result: CacheResult | null;
  /** `null` unless BYPASS. */
  readonly bypass: BypassCause | null;
  /** Made anew because a kept answer was past its life; nobody waits for it. */
  readonly isRenewal: boolean;
  /** What making the answer had cost, USD; 0 where it was made for this request, or its cost is unknown. */
  readonly savedUsd: number;
  /** How long making it had taken, beyond what this request took, milliseconds. */
  readonly savedMs: number;
}

/**
 * A request has ended; published exactly once for every request that came as far as its reservation. Telemetry, quota
 * and router act on it and nobody waits for them. Only `answered` ones are complete.
 */
export class ChatCompletedEvent {
  constructor(readonly chat: CompletedChat) {}
}

/** Requests that have come as far as their reservation and have not ended, on this replica; for the gauges. */
export class CountRunningChatsQuery extends Query<number> {}

/** The answer of a generation that has ended, or that there is none. */
export interface GeneratedAnswer {
  /** Of the cache, for what was asked. */
  readonly key: string;
  /** Whole, as one `chat.completion`; `null` = it failed, or nobody waited for it. */
  readonly completion: ChatFrame | null;
  /** Who answered; `null` = nobody. */
  readonly route: Pick<AnsweredBy, 'target' | 'tier' | 'model' | 'simulated'> | null;
  readonly usage: Usage | null;
  /** USD that it cost; `null` = unknown. */
  readonly costUsd: number | null;
  /** How long it took, milliseconds. */
  readonly tookMs: number;
  /** When who asked first had asked, `performance.now()` milliseconds. */
  readonly beganAt: number;
  /** Who asked first, for which model name, in which session. */
  readonly caller: Caller;
  readonly askedModel: string;
  readonly sessionId: string | null;
  /** How many others were given the same. */
  readonly joined: number;
  /** Whether somebody did not want the answer that is kept (`no-cache`). */
  readonly replaces: boolean;
  /** Of `ClaimAnswerCommand`; `null` = none. */
  readonly lease: string | null;
}

/**
 * A generation for a key of the cache has ended; published exactly once for each, before anybody sees the end of its answer.
 * The cache keeps it, and nobody waits for that.
 */
export class AnswerGeneratedEvent {
  constructor(readonly answer: GeneratedAnswer) {}
}

/** What was decided, however the call went. */
export type DecidedBy = Pick<
  RouteDecision,
  'strategy' | 'reasonCode' | 'score' | 'threshold' | 'policyVersion' | 'evidence'
>;

export interface AnsweredBy {
  readonly target: string;
  readonly tier: Tier;
  /** As the model server names it. */
  readonly model: string;
  readonly simulated: boolean;
  readonly strategy: string;
  readonly reasonCode: string;
  readonly fallback: boolean;
  /** Whether the answer was cut, and another attempt completed it. */
  readonly recovered: boolean;
}

/** Milliseconds. */
export interface ChatTiming {
  readonly totalMs: number;
  /** This service's own share, until the answer began. */
  readonly overheadMs: number;
  /** `null` when nothing was sent. */
  readonly firstTokenMs: number | null;
}

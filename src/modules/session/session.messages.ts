import { Command, Query } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';
import type { ChatMessage } from '../../common/chat.js';
import type { SessionKey } from '../../common/session-id.js';
import type { StoreCheck } from '../../common/store-check.js';
import type { Tier } from '../../common/target.js';
import type { Usage } from '../../common/usage.js';
import type { Beginning } from './erasure.js';

/** One turn of a conversation: what the caller sent in it, and the answer. */
export interface Turn {
  /** ULID; turns of a session sort by it. */
  readonly id: string;
  /** ISO 8601 UTC. */
  readonly at: string;
  readonly requestId: string;
  /** The caller's messages of this turn and the answer, in OpenAI's form. */
  readonly messages: readonly ChatMessage[];
  readonly target: string;
  readonly tier: Tier;
  readonly model: string;
  /** Whether no real model answered. */
  readonly simulated: boolean;
  readonly usage: Usage | null;
  readonly costUsd: number | null;
  readonly latencyMs: number;
  readonly cached: boolean;
  readonly fallback: boolean;
  /** Of a turn that callers know as a response. */
  readonly response?: ResponseOfTurn;
}

/** What is kept beside a turn that callers know as a response (`/v1/responses`). JSON. */
export interface ResponseOfTurn {
  /** ULID. */
  readonly id: string;
  /** Id of the response that it goes on from; `session`: from all turns before it; `null`: from nothing. */
  readonly previous: string | null;
  /** What its door needs to show it again. */
  readonly [field: string]: unknown;
}

export interface Conversation {
  /** Oldest first. */
  readonly turns: readonly Turn[];
  /** Opaque; handed back with the turn that comes of it. */
  readonly began?: Beginning;
}

/** How much of a conversation is wanted. */
export interface ConversationPart {
  /** As it was after the response of this id; `null` = all of it. */
  readonly upTo: string | null;
  /** Whether turns may be missing: else no more than the newest `sessions.maxTurns` come. */
  readonly isWhole: boolean;
}

export const NEWEST_TURNS: ConversationPart = Object.freeze({ upTo: null, isWhole: false });

/**
 * The conversation so far; empty for a session nobody has written to. Another tenant's session is such a one.
 *
 * @throws Overloaded when neither hot tail nor turn store can be asked, PreviousResponseNotFound where the session has no
 *   such response or one before it was deleted, ContextLengthExceeded where all is wanted of more turns than are ever read
 */
export class LoadConversationQuery extends Query<Conversation> {
  constructor(
    readonly caller: Caller,
    readonly sessionId: string,
    readonly part: ConversationPart = NEWEST_TURNS,
  ) {
    super();
  }
}

/** The turn that is the response of this id, whatever store has it. @throws NotFound, Overloaded */
export class FindResponseQuery extends Query<Turn> {
  constructor(
    readonly caller: Caller,
    readonly sessionId: string,
    readonly responseId: string,
  ) {
    super();
  }
}

/**
 * Deletes the turn that is the response of this id; with the last turn its session is erased. Conversations cannot go on
 * from it, or from one that goes on from it, any more.
 *
 * @throws NotFound, Overloaded
 */
export class DeleteResponseCommand extends Command<void> {
  constructor(
    readonly caller: Caller,
    readonly sessionId: string,
    readonly responseId: string,
  ) {
    super();
  }
}

export interface TurnToAppend {
  readonly caller: Caller;
  readonly sessionId: string;
  readonly turn: Omit<Turn, 'id' | 'at'>;
  /** Of the conversation that the turn goes on with. */
  readonly began?: Beginning | undefined;
}

/**
 * Appends a turn, unless its session was erased since `began`: nothing that began before an erasure comes back after it.
 * `persisted` is true once it survives the end of this process: the turn store has it, or the outbox that
 * the replicas share. Never rejects for a store's sake.
 */
export class AppendTurnCommand extends Command<{ persisted: boolean }> {
  constructor(readonly append: TurnToAppend) {
    super();
  }
}

/** `sessions`: whether the turn store takes turns. The others are `null` where they are not configured. */
export interface SessionStoreChecks {
  /** Whether a turn that is written now would survive the end of this process: in the turn store or the outbox. */
  readonly durable: boolean;
  readonly sessions: StoreCheck;
  readonly redis: StoreCheck | null;
  readonly cosmos: StoreCheck | null;
  readonly tables: StoreCheck | null;
}

/**
 * State of the session stores, at most 1 s old; whoever asks, each is looked at once a second at most. Never rejects, and
 * takes 450 ms at most.
 */
export class CheckSessionStoresQuery extends Query<SessionStoreChecks> {}

/** Turns in the outboxes, per place; `null` = that cannot be known now, or there is no such place. */
export interface OutboxCount {
  readonly redis: number | null;
  readonly memory: number;
}

export interface SessionCounts {
  /** Sessions that had a turn within `sessions.ttlSeconds`, on this replica. */
  readonly active: number;
  /** Turns that wait for the turn store. */
  readonly waiting: OutboxCount;
  /** Turns that no store takes. */
  readonly setAside: OutboxCount;
}

/** For the gauges. Never rejects. */
export class CountSessionsQuery extends Query<SessionCounts> {}

/**
 * A session was erased, here or by another replica: whoever keeps anything of it in the memory of this process (answers,
 * for example) forgets it. What is in a store that can be away is erased by a command instead.
 */
export class SessionErasedEvent {
  constructor(readonly session: SessionKey) {}
}

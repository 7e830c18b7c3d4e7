import { Command, Query } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';
import type { ChatMessage, Usage } from '../../common/chat.js';
import type { Tier } from '../../common/target.js';

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
  readonly usage: Usage | null;
  readonly costUsd: number | null;
  readonly latencyMs: number;
  readonly cached: boolean;
  readonly fallback: boolean;
}

export interface Conversation {
  /** The newest turns, oldest first; at most `sessions.maxTurns`. */
  readonly turns: readonly Turn[];
}

/** The conversation so far; empty for a session nobody has written to. Another tenant's session is such a one. */
export class LoadConversationQuery extends Query<Conversation> {
  constructor(
    readonly caller: Caller,
    readonly sessionId: string,
  ) {
    super();
  }
}

/** Appends a turn. `persisted` is true once a durable store has it. Never rejects for a store's sake. */
export class AppendTurnCommand extends Command<{ persisted: boolean }> {
  constructor(
    readonly caller: Caller,
    readonly sessionId: string,
    readonly turn: Omit<Turn, 'id' | 'at'>,
  ) {
    super();
  }
}

/** State of the session stores, for readiness. */
export class CheckSessionStoreQuery extends Query<{ healthy: boolean; detail: string }> {}

/** Sessions that had a turn within `sessions.ttlSeconds`, on this replica. */
export class CountActiveSessionsQuery extends Query<number> {}

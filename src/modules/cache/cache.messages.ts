import { Command, Query } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';
import type { ChatFrame, ChatRequest } from '../../common/chat.js';
import type { HistoryTurn } from '../../common/conversation.js';
import type { EmbeddingInput } from '../../common/embeddings.js';
import type { Fields } from '../../common/json/fields.js';
import type { SessionKey } from '../../common/session-id.js';
import type { Tier } from '../../common/target.js';
import type { Usage } from '../../common/usage.js';

/**
 * `x-router-cache`. HIT: a kept answer. STALE: one past its life, which is being renewed. SHARED: of a generation that was
 * running for somebody else. MISS: made for this request. BYPASS: the caller did not want a kept one. DISABLED: the
 * operator does not.
 */
export type CacheResult = 'HIT' | 'STALE' | 'SHARED' | 'MISS' | 'BYPASS' | 'DISABLED';

/** Why a request did not look; a closed set, it is a metric label. */
export type BypassCause = 'no_cache' | 'no_store';

/** A complete answer that was made before, or for somebody else. */
export interface CachedAnswer {
  readonly target: string;
  readonly tier: Tier;
  /** As the model server names it. */
  readonly model: string;
  readonly simulated: boolean;
  readonly usage: Usage | null;
  /** USD that making it cost; `null` = unknown. */
  readonly costUsd: number | null;
  /** Milliseconds that making it took. */
  readonly tookMs: number;
  /** Whole seconds since it was made (`Age`, RFC 9111 section 5.1). */
  readonly ageSeconds: number;
  /** The `chat.completion`, each time with an id and a time of its own; it is replayed as a stream where one is asked for. */
  replay(): ChatFrame;
}

export interface CacheLookup {
  readonly result: CacheResult;
  readonly answer: CachedAnswer | null;
  /** Where the answer belongs once it is known; `null` = it must not be kept. Never shown to anybody. */
  readonly key: string | null;
  /** Whether the answer that is being made may be given to others who ask the same meanwhile. */
  readonly isShared: boolean;
  /** `null` unless BYPASS. */
  readonly bypass: BypassCause | null;
}

/** What is asked, and by whom. */
export interface AnswerLookup {
  readonly caller: Caller;
  readonly request: ChatRequest;
  /** The session's earlier turns, oldest first. */
  readonly turns: readonly HistoryTurn[];
  /** From the request's body or header; `null` = the model's own. */
  readonly strategy: string | null;
  /** The request's `Cache-Control` header; `no-cache` skips the look-up, `no-store` the keeping too. */
  readonly cacheControl: string | undefined;
}

/**
 * Looks in the memory of this process for the answer to exactly this request. The key is an HMAC over scope, rights,
 * model, strategy, policy version and the request with the session's messages (docs/CACHE.md).
 */
export class FindAnswerQuery extends Query<CacheLookup> {
  constructor(readonly asked: AnswerLookup) {
    super();
  }
}

/** Who is about to have an answer made. */
export interface AnswerClaim {
  /** Of the look-up that missed. */
  readonly key: string;
  /** Whether one generation is enough for all who ask. */
  readonly isShared: boolean;
  /** Whether a kept answer past its life is to be replaced, while others still get it. */
  readonly isRenewal: boolean;
  /** How long another replica's answer may be waited for, milliseconds. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

export type ClaimResult =
  /** Kept by another replica, or made by it meanwhile. */
  | { readonly result: 'HIT' | 'STALE' | 'SHARED'; readonly answer: CachedAnswer; readonly lease: null }
  /** It is the caller's to make. `lease`: opaque, goes back with the answer; `null` = others may make it, too. */
  | { readonly result: 'MISS'; readonly answer: null; readonly lease: string | null }
  /** Of a renewal: another replica is at it. */
  | { readonly result: 'SHARED'; readonly answer: null; readonly lease: null };

/**
 * The answer, where Redis has it or another replica is making it; else the right to make it, which ends with
 * `AnswerGeneratedEvent`. While Redis is away everybody has that right. Rejects with the signal's reason.
 */
export class ClaimAnswerCommand extends Command<ClaimResult> {
  constructor(readonly claim: AnswerClaim) {
    super();
  }
}

/** Which vectors are looked for, and for whom. */
export interface VectorsAsked {
  readonly caller: Caller;
  /** The name that was asked for, which may switch the cache off. */
  readonly askedModel: string;
  /** The model as it is configured: every name of it has the same vectors. */
  readonly model: string;
  /** What decides what a vector is beside its input: `dimensions`, and what nobody here knows. */
  readonly settings: Readonly<Fields>;
  readonly inputs: readonly EmbeddingInput[];
  /** As in `AnswerLookup`. */
  readonly cacheControl: string | undefined;
}

/** A vector and how it was made. */
export interface MadeVector {
  /** Base64 of little-endian 32-bit floats. */
  readonly vector: string;
  readonly target: string;
  readonly tier: Tier;
  /** As the model server names it. */
  readonly model: string;
  /** Its share of what was counted. */
  readonly tokens: number;
  /** USD; `null` = unknown. */
  readonly costUsd: number | null;
  /** Milliseconds that the call for it took. */
  readonly tookMs: number;
}

export interface KeptVector extends MadeVector {
  /** Whole seconds since it was made. */
  readonly ageSeconds: number;
}

export interface VectorLookup {
  /** HIT: all of them are kept. */
  readonly result: Extract<CacheResult, 'HIT' | 'MISS' | 'BYPASS' | 'DISABLED'>;
  /** `null` unless BYPASS. */
  readonly bypass: BypassCause | null;
  /** One for each input; `null` = it has to be made. */
  readonly vectors: readonly (KeptVector | null)[];
  /** Where the vector of each input belongs; `null` = none must be kept. Never shown to anybody. */
  readonly keys: readonly string[] | null;
}

/**
 * Looks for the vector of each input by itself, here and in Redis. A key is an HMAC over scope, rights, policy, model,
 * settings and the input (docs/CACHE.md). What is past its life is not given.
 */
export class FindVectorsQuery extends Query<VectorLookup> {
  constructor(readonly asked: VectorsAsked) {
    super();
  }
}

/** Vectors that were made, by the keys of their look-up. */
export interface VectorsToKeep {
  readonly caller: Caller;
  readonly askedModel: string;
  readonly vectors: ReadonlyMap<string, MadeVector>;
  /** When they were asked for, `performance.now()` milliseconds: what was forgotten since then is not kept. */
  readonly beganAt: number;
  /** Whether the caller did not want those that are kept (`no-cache`). */
  readonly replaces: boolean;
}

/** Keeps vectors: here before this resolves, in Redis behind the answer. */
export class KeepVectorsCommand extends Command<void> {
  constructor(readonly made: VectorsToKeep) {
    super();
  }
}

/** Forgets what was answered in a session, here and in Redis. Rejects with `StoreUnavailable` when it may still be there. */
export class ForgetCachedAnswersCommand extends Command<void> {
  constructor(readonly session: SessionKey) {
    super();
  }
}

/** Answers were forgotten, here or by another replica: who asks from now on gets none that began before. `null` = all. */
export class AnswersForgottenEvent {
  constructor(
    readonly tenant: string | null,
    readonly model: string | null,
  ) {}
}

/** The cache of this replica. */
export interface CacheCounts {
  readonly entries: number;
  readonly bytes: number;
  /** Answers that left for newer ones, since the start. */
  readonly evictions: number;
  /** Generations that answered more than one request of this replica, since the start. */
  readonly sharedGenerations: number;
}

/** For the metrics. */
export class CountCachedAnswersQuery extends Query<CacheCounts> {}

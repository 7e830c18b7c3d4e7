import { Command, Query } from '@nestjs/cqrs';
import type { LookLimits, ServerPlaces } from './discovery/local-servers.js';
import type { Environment } from '../../common/config/config-text.js';
import type { ChatRequest } from '../../common/chat.js';
import type { ChunkStream } from '../../common/chunk-stream.js';
import type { HistoryTurn } from '../../common/conversation.js';
import type { EmbeddingRequest } from '../../common/embeddings.js';
import type { OutgoingTrace } from '../../common/tracing/trace-context.js';
import type { BreakerState, TargetStatus } from '../../common/target.js';

/** One call of one model, with its slot: it goes out when it is relayed. */
export interface ModelStream extends ChunkStream {
  /** Milliseconds from the beginning of the call to its first content, or until now. */
  readonly upstreamMs: number;
  /** Whether the prompt has gone out to a server, which counts it from then on. */
  readonly isSent: boolean;
}

/** What every call needs to know, whatever it asks. */
export interface TargetCall {
  /** From `ListTargetsQuery`; one that a reload has taken out since is still called, so that requests end as they began. */
  readonly target: TargetStatus;
  /** When the answer must have begun (stream) or be complete (plain), `performance.now()` milliseconds. */
  readonly beginBy: number;
  /** A target that has got less time than this, or than its own limit, is not blamed for its silence. Milliseconds. */
  readonly fairMs: number;
  readonly signal: AbortSignal;
  /** Whether another target failed this request before; such calls come in waves and are let through gradually. */
  readonly isFallback: boolean;
  /** The place of the call in a trace, which its server is told; `null` = none. */
  readonly trace: OutgoingTrace | null;
}

/** A call that asks for an answer to a conversation. */
export interface ModelCall extends TargetCall {
  readonly request: ChatRequest;
  /** Stored turns to put in front; those that do not fit the target's window are left out, oldest first. */
  readonly history: readonly HistoryTurn[];
  /** What an attempt before said until it was cut: a target with capability `prefill` is asked to go on from there. */
  readonly partialAnswer: string | null;
}

/** A call that asks for vectors: as many as one request to the target may ask for. */
export interface EmbedCall extends TargetCall {
  readonly request: EmbeddingRequest;
}

/**
 * Speaks to one target once: no retry, no fallback. The time limits of the target hold. Resolves when the target has a slot
 * for the call; the stream has to be relayed or abandoned, which gives the slot back. It ends with `UpstreamFailure`
 * (src/common/upstream-failure.ts) for everything the server did wrong, and with the signal's reason when the caller went
 * away.
 *
 * @throws UpstreamFailure `overloaded` where there is no slot in time, and the signal's reason
 */
export class StreamModelCommand extends Command<ModelStream> {
  constructor(readonly call: ModelCall) {
    super();
  }
}

/**
 * The same for vectors: the stream is one chunk with one frame, a `VectorsFrame` (src/common/embeddings.ts) with a vector for
 * each input.
 *
 * @throws as `StreamModelCommand`
 */
export class EmbedModelCommand extends Command<ModelStream> {
  constructor(readonly call: EmbedCall) {
    super();
  }
}

/**
 * All targets in configured order. They are live: what is read later is their state then. Whoever needs a target over some
 * time holds the object, not its id, as a reload can take it out or change it meanwhile.
 */
export class ListTargetsQuery extends Query<readonly TargetStatus[]> {}

/** How much of a target is used now. */
export interface TargetLoad {
  readonly id: string;
  /** Calls at a time. */
  readonly slots: number;
  /** `null` of a simulated target. */
  readonly connections: ConnectionCounts | null;
}

/** The connections to one model server. */
export interface ConnectionCounts {
  readonly connected: number;
  /** Of these, without a request. */
  readonly free: number;
  /** Requests that were sent. */
  readonly running: number;
  /** Requests that wait for a connection. */
  readonly pending: number;
}

/** For the gauges, of all targets in configured order. */
export class CountTargetLoadQuery extends Query<readonly TargetLoad[]> {}

/** The breaker of a target changed: while it is `open`, nobody waits for the target and decisions leave it out. */
export class SetTargetBreakerCommand extends Command<void> {
  constructor(
    readonly target: TargetStatus,
    readonly state: BreakerState,
    /** Milliseconds until a probe is let through; 0 unless `open`. */
    readonly openMs: number,
  ) {
    super();
  }
}

/** Where and how often model servers are looked for while no targets are configured. */
export class TargetSearchOptions {
  readonly env: Environment;
  readonly places: ServerPlaces;
  /** Milliseconds from one look to the next. */
  readonly everyMs: number;
  readonly limits: Partial<LookLimits>;

  /** @param given left out: the usual places, every 10 s; tests look at their own */
  constructor(given: Partial<TargetSearchOptions> = {}) {
    this.env = given.env ?? process.env;
    this.places = given.places ?? {};
    this.everyMs = given.everyMs ?? 10_000;
    this.limits = given.limits ?? {};
  }
}

import type { EventBus } from '@nestjs/cqrs';
import { AppError } from '../../common/app-error.js';
import type { Attempt } from '../../common/attempt.js';
import type { Caller } from '../../common/caller.js';
import type { ChatChunk, ChatFrame, ChatRequest, Usage } from '../../common/chat.js';
import type { HistoryTurn } from '../../common/conversation.js';
import { costUsd } from '../../common/cost.js';
import type { Price } from '../../common/target.js';
import type { CachedAnswer, CacheLookup } from '../cache/cache.messages.js';
import type { QuotaLease } from '../quota/quota.messages.js';
import type { ModelAnswer } from '../resilience/resilience.messages.js';
import type { RouteDecision } from '../router/router.messages.js';
import { CallerGone } from './caller-gone.js';
import { ChatCompletedEvent, type AnsweredBy, type ChatOutcome } from './chat.messages.js';
import { CompletionCollector } from './completion-collector.js';
import { replayFrames } from './completion-replay.js';

const CLIENT_CLOSED_REQUEST = 499; // nginx's number for a caller that went away

/** A checked request and where it came from. */
export interface ChatAsk {
  readonly request: ChatRequest;
  readonly caller: Caller;
  readonly requestId: string;
  readonly sessionId: string | null;
  readonly strategy: string | null;
  readonly cacheControl: string | undefined;
  /** W3C Trace Context, as it came. */
  readonly traceparent: string | null;
  /** `performance.now()` at arrival, milliseconds. */
  readonly startedAt: number;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
}

/** Stores the finished turn; `false` when no durable store has it. */
export type PersistTurn = (exchange: ChatExchange) => Promise<boolean>;

/**
 * One request and its answer, from the reservation to the end. Knows what the headers and the metadata tell, and
 * publishes `ChatCompletedEvent` exactly once, however it ends.
 */
export class ChatExchange {
  lease: QuotaLease = { headers: {}, id: null };
  history: readonly HistoryTurn[] = [];
  lookup: CacheLookup = { result: 'DISABLED', answer: null, key: null };
  decision: RouteDecision | null = null;
  route: AnsweredBy | null = null;
  /** Every call made for the answer so far, failed ones included. */
  readonly attempts: Attempt[] = [];
  usage: Usage | null = null;
  /** Whether a durable store has the turn; `null` without a session or before the end. */
  persisted: boolean | null = null;
  /** USD of answers that were asked for and not used (cascade); `null` when unknown. */
  extraCostUsd: number | null = 0;
  overheadMs = 0;
  /** The whole answer as one `chat.completion`; `null` before the end. */
  completion: ChatFrame | null = null;
  /** Of the target that answers, tokens; `null` when unknown. */
  contextWindow: number | null = null;
  private source: AsyncIterable<ChatChunk> | null = null;
  private price: Price | null = null;
  private firstTokenMs: number | null = null;
  /** What the models began to answer with; not a closure, as V8 puts one that is assigned to a property into the old space. */
  private begun: { readonly answer: ModelAnswer; readonly decision: RouteDecision } | null = null;
  private ended = false;

  constructor(
    readonly ask: ChatAsk,
    private readonly events: EventBus,
    private readonly persist: PersistTurn,
  ) {}

  get elapsedMs(): number {
    return performance.now() - this.ask.startedAt;
  }

  /** USD; 0 for an answer from the cache, `null` when usage or price is unknown. */
  get costUsd(): number | null {
    if (this.lookup.answer) return 0;
    const own = costUsd(this.usage, this.price);
    return own === null || this.extraCostUsd === null ? null : own + this.extraCostUsd;
  }

  /** A model has begun to answer. */
  begin(answer: ModelAnswer, decision: RouteDecision): void {
    this.answeredBy(answer, decision);
    this.source = answer;
    this.begun = { answer, decision };
    this.firstTokenMs = this.elapsedMs;
    this.overheadMs = Math.max(0, this.elapsedMs - answer.upstreamMs);
  }

  /** Called again at the end: an answer that was cut may have been completed by another target. */
  private answeredBy({ target, fallback, model }: ModelAnswer, { strategy, reasonCode }: RouteDecision): void {
    const { id, tier, simulated } = target;
    this.price = target.price;
    this.contextWindow = target.contextWindow;
    this.route = { target: id, tier, model, simulated, strategy, reasonCode, fallback };
  }

  /** The cache had the answer. */
  replay(answer: CachedAnswer, strategy: string): void {
    const { target, tier, model, simulated, completion } = answer;
    this.route = { target, tier, model, simulated, strategy, reasonCode: 'cache_hit', fallback: false };
    this.source = replayed(completion, this.ask.request.stream === true);
    this.firstTokenMs = this.elapsedMs;
    this.overheadMs = this.elapsedMs;
  }

  /** The answer's chunks; at their end the turn is stored and the exchange has ended. */
  async *chunks(): AsyncGenerator<ChatChunk> {
    const collector = new CompletionCollector();
    try {
      for await (const chunk of this.source ?? []) {
        this.read(chunk, collector);
        yield chunk;
      }
      if (this.begun) this.answeredBy(this.begun.answer, this.begun.decision);
      this.completion ??= frameOf(collector.completion());
      if (this.ask.sessionId !== null) this.persisted = await this.persist(this);
      this.end('answered', 200, null);
    } catch (error) {
      this.fail(error, true);
      throw error;
    } finally {
      this.end('aborted', CLIENT_CLOSED_REQUEST, null);
    }
  }

  /** Nothing (more) comes. */
  fail(error: unknown, begun = false): void {
    if (error instanceof CallerGone) return this.end('aborted', CLIENT_CLOSED_REQUEST, null);
    const { code, status } = error instanceof AppError ? error : { code: 'internal_error', status: 500 };
    if (begun && this.ask.request.stream) this.end('cut', 200, code);
    else this.end('failed', status, code);
  }

  private read({ frames }: ChatChunk, collector: CompletionCollector): void {
    for (const frame of frames) {
      const { json } = frame;
      if (json.usage) this.usage = json.usage;
      if (this.ask.request.stream) collector.add(json);
      else this.completion = frame;
    }
  }

  private end(outcome: ChatOutcome, status: number, errorCode: string | null): void {
    if (this.ended) return;
    this.ended = true;
    const { requestId, caller, request, sessionId } = this.ask;
    const { result, key } = this.lookup;
    const timing = { totalMs: this.elapsedMs, overheadMs: this.overheadMs, firstTokenMs: this.firstTokenMs };
    const completion = outcome === 'answered' ? this.completion : null;
    this.events.publish(
      new ChatCompletedEvent(
        outcome,
        requestId,
        caller,
        request.model,
        status,
        errorCode,
        this.route,
        this.usage,
        this.costUsd,
        this.attempts,
        timing,
        this.lease.id,
        { result, key, completion },
        request.stream === true,
        sessionId,
        this.ask.traceparent,
      ),
    );
  }
}

const frameOf = (json: ChatFrame['json']): ChatFrame => ({ text: JSON.stringify(json), json });

async function* replayed(completion: ChatFrame, asStream: boolean): AsyncGenerator<ChatChunk> {
  yield { frames: asStream ? replayFrames(completion.json) : [completion] };
}

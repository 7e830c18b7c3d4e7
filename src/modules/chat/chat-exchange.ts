import type { EventBus } from '@nestjs/cqrs';
import { AppError } from '../../common/app-error.js';
import type { Attempt } from '../../common/attempt.js';
import { BackgroundWork } from '../../common/background-work.js';
import type { Caller } from '../../common/caller.js';
import type { ChatChunk, ChatFrame, ChatRequest, Completion } from '../../common/chat.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { fitConversation, type HistoryTurn } from '../../common/conversation.js';
import { costUsd } from '../../common/cost.js';
import { CallerGone } from '../../common/http/caller-signal.js';
import type { Target } from '../../common/target.js';
import { estimateRequestTokens } from '../../common/token-estimate.js';
import type { Usage } from '../../common/usage.js';
import type { CachedAnswer, CacheLookup } from '../cache/cache.messages.js';
import type { QuotaLease } from '../quota/quota.messages.js';
import type { ModelAnswer } from '../resilience/resilience.messages.js';
import type { RouteDecision } from '../router/router.messages.js';
import type { Conversation } from '../session/session.messages.js';
import { AnswerBill, type ExchangedTexts } from './answer-bill.js';
import { ChatCompletedEvent, type AnsweredBy, type ChatOutcome } from './chat.messages.js';
import { CompletionCollector } from './completion-collector.js';
import { replayFrames } from './completion-replay.js';

const background = new BackgroundWork('chat');

const CLIENT_CLOSED_REQUEST = 499; // nginx's number for a caller that went away

/** A checked request and where it came from. */
export interface ChatAsk {
  readonly request: ChatRequest;
  readonly caller: Caller;
  readonly requestId: string;
  readonly sessionId: string | null;
  readonly strategy: string | null;
  readonly cacheControl: string | undefined;
  /** Whether the answer says why its target was chosen. */
  readonly explain: boolean;
  /** W3C Trace Context, as it came. */
  readonly traceparent: string | null;
  /** `performance.now()` at arrival, milliseconds. */
  readonly startedAt: number;
  /** Aborts when the caller goes away, or the service ends before the answer does. */
  readonly signal: AbortSignal;
}

/** Stores the finished turn; `false` when no durable store has it. */
export type PersistTurn = (exchange: ChatExchange) => Promise<boolean>;

/**
 * One request and its answer, from the reservation to the end, and the one owner of what it took: the lease, the call of
 * a model with its slot, the cascade's calls. Ends exactly once, by its reader or by the caller's signal, whether or not
 * anybody reads, and publishes `ChatCompletedEvent` then.
 */
export class ChatExchange implements ExchangedTexts {
  lease: QuotaLease = { headers: {}, id: null };
  history: readonly HistoryTurn[] = [];
  /** Of the work on the session; goes with the turn. */
  began: Conversation['began'] = undefined;
  lookup: CacheLookup = { result: 'DISABLED', answer: null, key: null };
  decision: RouteDecision | null = null;
  route: AnsweredBy | null = null;
  /** Every call made for the answer so far, failed ones included. */
  readonly attempts: Attempt[] = [];
  /** Of the answer as far as it has come; `null` before it has begun and where it has not ended. */
  usage: Usage | null = null;
  /** Whether a durable store has the turn; `null` without a session or before the end. */
  persisted: boolean | null = null;
  readonly bill: AnswerBill;
  overheadMs = 0;
  /** The whole answer as one `chat.completion`; `null` before the end. */
  completion: ChatFrame | null = null;
  /** Of the target that answers, tokens; `null` when unknown. */
  contextWindow: number | null = null;
  private source: AsyncIterable<ChatChunk> | null = null;
  private target: Target | null = null;
  private firstTokenMs: number | null = null;
  /** What the models began to answer with; not a closure, as V8 puts one that is assigned to a property into the old space. */
  private begun: { readonly answer: ModelAnswer; readonly decision: RouteDecision } | null = null;
  private readonly collector = new CompletionCollector();
  private reading = false;
  private ended = false;

  /** @param targets of the configuration in force */
  constructor(
    readonly ask: ChatAsk,
    targets: RouterConfig['targets'],
    private readonly events: EventBus,
    private readonly persist: PersistTurn,
  ) {
    this.bill = new AnswerBill(targets);
  }

  get elapsedMs(): number {
    return performance.now() - this.ask.startedAt;
  }

  /** USD; 0 for an answer from the cache, `null` when usage or price is unknown. */
  get costUsd(): number | null {
    if (this.lookup.answer) return 0;
    const own = costUsd(this.usage, this.target?.price ?? null);
    const { extraCostUsd } = this.bill;
    return own === null || extraCostUsd === null ? null : own + extraCostUsd;
  }

  /** A model has begun to answer. @throws the signal's reason when nobody waits for it any more */
  begin(answer: ModelAnswer, decision: RouteDecision): void {
    this.answeredBy(answer, decision);
    this.source = answer;
    this.begun = { answer, decision };
    this.firstTokenMs = this.elapsedMs;
    this.overheadMs = Math.max(0, this.elapsedMs - answer.upstreamMs);
    this.watch();
  }

  /** Called again at the end: an answer that was cut may have been completed by another target. */
  private answeredBy({ target, fallback, model }: ModelAnswer, { strategy, reasonCode }: RouteDecision): void {
    const { id, tier, simulated } = target;
    this.target = target;
    this.contextWindow = target.contextWindow;
    this.route = { target: id, tier, model, simulated, strategy, reasonCode, fallback };
  }

  /** The cache had the answer. @throws the signal's reason when nobody waits for it any more */
  replay(answer: CachedAnswer, strategy: string): void {
    const { target, tier, model, simulated, completion } = answer;
    this.route = { target, tier, model, simulated, strategy, reasonCode: 'cache_hit', fallback: false };
    this.source = replayed(completion, this.ask.request.stream === true);
    this.firstTokenMs = this.elapsedMs;
    this.overheadMs = this.elapsedMs;
    this.watch();
  }

  /** The answer's chunks; at their end the turn is stored and the exchange has ended. */
  async *chunks(): AsyncGenerator<ChatChunk> {
    const { signal, sessionId } = this.ask;
    this.reading = true;
    // eslint-disable-next-line no-restricted-syntax -- where nobody starts it, the signal ends the exchange
    try {
      for await (const chunk of this.source ?? []) {
        this.read(chunk);
        yield chunk;
      }
      signal.throwIfAborted(); // a call that was ended for its sake ends like a complete one
      if (this.begun) this.answeredBy(this.begun.answer, this.begun.decision);
      this.completion ??= frameOf(this.collector.completion());
      this.usage = this.bill.usage(this);
      if (sessionId !== null) this.persisted = await this.persist(this);
      signal.throwIfAborted();
      this.end('answered', 200, null);
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      if (!this.ended) this.fail(new CallerGone()); // an error costs a stack, so it is made only when it is needed
    }
  }

  /** Nothing (more) comes: ends the exchange and what is under way for it. Does nothing once it has ended. */
  fail(error: unknown): void {
    if (this.ended) return;
    const { begun } = this;
    if (begun) {
      background.launch('ending a call', () => begun.answer.abandon());
      this.usage = this.bill.usage(this);
    }
    if (error instanceof CallerGone) return this.end('aborted', CLIENT_CLOSED_REQUEST, null);
    const { code, status } = error instanceof AppError ? error : { code: 'internal_error', status: 500 };
    const isAnswering = this.reading || (this.source !== null && this.ask.signal.aborted);
    if (isAnswering && this.ask.request.stream) this.end('cut', 200, code);
    else this.end('failed', status, code);
  }

  /** Called by the signal, as an `EventListenerObject`: a closure for it would live in a property. */
  handleEvent(): void {
    this.fail(this.ask.signal.reason);
  }

  /** Tokens of what went to the model, estimated. */
  promptTokens(): number {
    const { request } = this.ask;
    const { messages } = fitConversation(this.history, request, this.contextWindow);
    return estimateRequestTokens({ ...request, messages });
  }

  answer(): Completion {
    return this.completion?.json ?? this.collector.completion();
  }

  private watch(): void {
    const { signal, request } = this.ask;
    if (signal.aborted) {
      this.fail(signal.reason);
      throw signal.reason;
    }
    // A plain answer is read to its end at once, by the one who asked for it; a stream waits for a reader.
    if (request.stream) signal.addEventListener('abort', this, { once: true });
  }

  private read({ frames }: ChatChunk): void {
    for (const frame of frames) {
      const { json } = frame;
      this.bill.note(json);
      if (this.ask.request.stream) this.collector.add(frame);
      else this.completion = frame;
    }
  }

  private end(outcome: ChatOutcome, status: number, errorCode: string | null): void {
    if (this.ended) return;
    this.ended = true;
    const { requestId, caller, request, sessionId, signal } = this.ask;
    if (request.stream) signal.removeEventListener('abort', this);
    const { result, key } = this.lookup;
    const timing = { totalMs: this.elapsedMs, overheadMs: this.overheadMs, firstTokenMs: this.firstTokenMs };
    const completion = outcome === 'answered' ? this.completion : null;
    this.events.publish(
      new ChatCompletedEvent({
        outcome,
        requestId,
        caller,
        requestedModel: request.model,
        status,
        errorCode,
        route: this.route,
        usage: this.usage,
        costUsd: this.costUsd,
        billed: this.bill.billed(this.usage, this.target, this),
        attempts: this.attempts,
        timing,
        quotaLeaseId: this.lease.id,
        cache: { result, key, completion },
        stream: request.stream === true,
        sessionId,
        traceparent: this.ask.traceparent,
      }),
    );
  }
}

const frameOf = (json: ChatFrame['json']): ChatFrame => ({ text: JSON.stringify(json), json });

async function* replayed(completion: ChatFrame, asStream: boolean): AsyncGenerator<ChatChunk> {
  yield { frames: asStream ? replayFrames(completion) : [completion] };
}

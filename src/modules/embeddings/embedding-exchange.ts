import { Injectable } from '@nestjs/common';
import { EventBus } from '@nestjs/cqrs';
import type { Attempt } from '../../common/attempt.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import type { HeaderList } from '../../common/http/answer-writer.js';
import { endOfFailure } from '../../common/http/end-of-failure.js';
import { addPlainHeaders, answerHeaders } from '../../common/http/response-headers.js';
import type { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { Usage } from '../../common/usage.js';
import type { KeptVector, VectorLookup } from '../cache/cache.messages.js';
import { ChatCompletedEvent, type AnsweredBy, type ChatEnd } from '../chat/chat.messages.js';
import { NO_LEASE, type QuotaLease } from '../quota/quota.messages.js';
import type { BatchedCalls } from './batched-calls.js';
import type { EmbeddingAsk } from './embedding-ask.js';
import { EmbeddingBill } from './embedding-bill.js';
import type { Embedders } from './embedding-targets.js';

const STRATEGY = 'priority';

/** One request for vectors, as far as it has come. */
export class EmbeddingExchange {
  lease: QuotaLease = NO_LEASE;
  /** `null` where the cache was not asked. */
  lookup: VectorLookup | null = null;
  /** Who answers; `null` as long as nobody does. */
  route: AnsweredBy | null = null;
  /** The body of the answer, in pieces. */
  body: readonly Buffer[] = [];
  readonly bill: EmbeddingBill;
  private readonly calls: BatchedCalls[] = [];
  /** Of an answer that was all kept. */
  private kept: readonly KeptVector[] | null = null;
  /** Milliseconds that calls took, from the first to the end of the last. */
  private calledMs = 0;
  private endedAt = 0;

  constructor(
    readonly ask: EmbeddingAsk,
    targets: RouterConfig['targets'],
    prices: AnsweredPrices,
  ) {
    this.bill = new EmbeddingBill(targets, prices);
  }

  /** Of the vectors that were made for this request; where none were, of making those that it got. */
  get usage(): Usage | null {
    if (this.bill.usage || !this.kept) return this.bill.usage;
    const tokens = sum(new Set(this.kept), (vector) => vector.tokens);
    return { prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens };
  }

  get attempts(): readonly Attempt[] {
    return this.calls.flatMap(({ attempts }) => attempts);
  }

  /** Milliseconds since the request arrived, until it ended. */
  get totalMs(): number {
    return (this.endedAt || performance.now()) - this.ask.startedAt;
  }

  /** This service's own share of them. */
  get overheadMs(): number {
    return Math.max(0, this.totalMs - this.calledMs);
  }

  /** USD that was not spent again. */
  get savedUsd(): number {
    return this.lookup ? sum(new Set(this.lookup.vectors), (vector) => vector?.costUsd ?? 0) : 0;
  }

  /** Milliseconds that it did not take again. */
  get savedMs(): number {
    return this.kept ? Math.max(0, ...this.kept.map(({ tookMs }) => tookMs - this.totalMs)) : 0;
  }

  /** All of them were kept. */
  give(vectors: readonly KeptVector[]): readonly KeptVector[] {
    const { target, tier, model } = vectors[0]!;
    this.kept = vectors;
    const how = { strategy: STRATEGY, reasonCode: 'cache_hit', fallback: false, recovered: false };
    this.route = { target, tier, model, simulated: false, ...how };
    return vectors;
  }

  /** Has vectors made. @throws as `BatchedCalls` */
  async call(calls: BatchedCalls, { reasonCode }: Embedders): Promise<void> {
    this.calls.push(calls);
    const startedAt = performance.now();
    try {
      await calls.make();
    } finally {
      this.calledMs += performance.now() - startedAt;
      const { first, fallback } = calls;
      if (first) {
        const { id: target, tier, simulated } = first.target;
        const how = { strategy: STRATEGY, reasonCode, fallback, recovered: false };
        this.route = { target, tier, model: first.model, simulated, ...how };
      }
    }
  }

  /** Of the answer. */
  headers(): HeaderList {
    const { lease, route, overheadMs, attempts, kept } = this;
    const ageSeconds = kept && Math.max(...kept.map((vector) => vector.ageSeconds));
    const lookup = { result: this.lookup!.result, answer: ageSeconds === null ? null : { ageSeconds } };
    const headers = answerHeaders({ facts: { lookup, lease }, route: route!, overheadMs, decision: null, attempts });
    addPlainHeaders(headers, { costUsd: this.bill.costUsd, persisted: null });
    return headers;
  }

  end(): void {
    this.endedAt = performance.now();
  }
}

function sum<T>(list: Iterable<T>, of: (item: T) => number): number {
  let all = 0;
  for (const item of list) all += of(item);
  return all;
}

/** The last step of the recipe: everybody is told that the request has ended, once. */
@Injectable()
export class FinishEmbeddings {
  /** Requests that have begun and not ended. */
  running = 0;

  constructor(private readonly events: EventBus) {}

  begin(ask: EmbeddingAsk, targets: RouterConfig['targets'], prices: AnsweredPrices): EmbeddingExchange {
    this.running += 1;
    return new EmbeddingExchange(ask, targets, prices);
  }

  answered(exchange: EmbeddingExchange): void {
    this.tell(exchange, { outcome: 'answered', status: 200, errorCode: null });
  }

  /** What was made until then is paid all the same. */
  failed(exchange: EmbeddingExchange, error: unknown): void {
    this.tell(exchange, endOfFailure(error, false));
  }

  private tell(exchange: EmbeddingExchange, end: Pick<ChatEnd, 'outcome' | 'status' | 'errorCode'>): void {
    exchange.end();
    this.running -= 1;
    const { ask, bill, lookup, lease, route, usage, attempts, totalMs, overheadMs } = exchange;
    const { requestId, caller, body, sessionId, trace } = ask;
    const { tokens, billedUsd: usd, pays, costUsd } = bill;
    const firstTokenMs = end.outcome === 'answered' ? totalMs : null;
    this.events.publish(
      new ChatCompletedEvent({
        operation: 'embeddings',
        ...end,
        ...{ requestId, caller, sessionId, trace, route, usage, costUsd, attempts, lease, pays },
        requestedModel: body.model,
        billed: { tokens, usd },
        timing: { totalMs, overheadMs, firstTokenMs },
        cache: {
          result: lookup?.result ?? null,
          bypass: lookup?.bypass ?? null,
          isRenewal: false,
          savedUsd: exchange.savedUsd,
          savedMs: exchange.savedMs,
        },
        ...{ decision: null, completion: null, persisted: null, stream: false, joined: null, asked: null },
      }),
    );
  }
}

import { Logger } from '@nestjs/common';
import { AppError } from '../../common/app-error.js';
import type { ChatChunk, ChatFrame, Completion } from '../../common/chat.js';
import type { ChunkSink, ChunkStream, Flow } from '../../common/chunk-stream.js';
import { BackgroundWork } from '../../common/background-work.js';
import { costUsd } from '../../common/cost.js';
import type { Usage } from '../../common/usage.js';
import type { ModelAnswer } from '../resilience/resilience.messages.js';
import type { ExchangedTexts } from './answer-bill.js';
import { promptTokens, type ChatFacts } from './chat-facts.js';
import type { AnsweredBy, ChatEnd } from './chat.messages.js';
import { CollectedFrame, CompletionCollector } from './completion-collector.js';
import { ReplayedChunks, replayFrames } from './completion-replay.js';
import { endOfFailure, type FinishChat, type HowItEnded } from './finish-chat.js';

const logger = new Logger('chat');
const background = new BackgroundWork('chat');

/**
 * An answer that has begun, from a model or from the cache, until its end. Relays it, keeps what session and cache want of
 * it, and owns what the request took. Ends exactly once, by the answer or by the caller's signal, whether or not anybody
 * reads, and the end is told then.
 */
export class ChatExchange implements ChunkSink, Flow, ExchangedTexts {
  /** Milliseconds until the answer began. */
  readonly firstTokenMs: number;
  /** This service's own share of them. */
  readonly overheadMs: number;
  /** How it ended; `null` before. */
  result: ChatEnd | null = null;
  private readonly source: ChunkStream & Pick<ModelAnswer, 'upstreamMs'>;
  private readonly collector = new CompletionCollector();
  /** The answer to a plain request, as it came. */
  private plain: ChatFrame | null = null;
  private out: ChunkSink | null = null;
  private readonly onAbort = this.aborted.bind(this); // not as an object that listens, see docs/adr/0020

  /** @param model `null` where the cache answers; has ended already when nobody waits for it any more */
  constructor(
    readonly facts: ChatFacts,
    private readonly model: ModelAnswer | null,
    private readonly finish: FinishChat,
  ) {
    const { signal, request } = facts.ask;
    this.source = model ?? new ReplayedChunks([{ frames: cachedFrames(facts) }]);
    this.firstTokenMs = this.elapsedMs;
    this.overheadMs = Math.max(0, this.firstTokenMs - this.source.upstreamMs);
    if (signal.aborted) this.fail(signal.reason);
    // A plain answer is read to its end at once, by the one who asked for it; a stream waits for a reader.
    else if (request.stream) signal.addEventListener('abort', this.onAbort, { once: true });
  }

  get elapsedMs(): number {
    return performance.now() - this.facts.ask.startedAt;
  }

  /** Another target at the end than at the beginning, where that one completed an answer that was cut. */
  get route(): AnsweredBy {
    const { model, facts } = this;
    const { decision, lookup, ask, ownStrategy } = facts;
    if (model === null || decision === null) {
      const { target, tier, model: name, simulated } = lookup.answer!;
      const strategy = ask.strategy ?? ownStrategy;
      return { target, tier, model: name, simulated, strategy, reasonCode: 'cache_hit', fallback: false };
    }
    const { id: target, tier, simulated } = model.target;
    const { strategy, reasonCode } = decision;
    return { target, tier, model: model.model, simulated, strategy, reasonCode, fallback: model.fallback };
  }

  /** Of the target that answers, tokens; `null` when unknown. */
  get contextWindow(): number | null {
    return this.model?.target.contextWindow ?? null;
  }

  /** The answer so far. */
  answer(): Completion {
    return this.plain?.json ?? this.collector.completion();
  }

  /** Tokens of what went to the model, estimated. */
  promptTokens(): number {
    return promptTokens(this.facts, this.contextWindow);
  }

  /** Hands the answer out from its beginning; its end once the turn is stored. */
  relay(out: ChunkSink): void {
    this.out = out;
    if (this.result) out.end(this.facts.ask.signal.reason);
    else this.source.relay(this);
  }

  pause(): void {
    this.source.pause();
  }

  resume(): void {
    this.source.resume();
  }

  chunk(chunk: ChatChunk): void {
    if (this.result) return;
    const { bill, ask } = this.facts;
    for (const frame of chunk.frames) {
      bill.note(frame);
      if (ask.request.stream) this.collector.add(frame);
      else this.plain = frame;
    }
    this.out?.chunk(chunk);
  }

  end(error: unknown): void {
    const { signal, sessionId } = this.facts.ask;
    if (this.result) return;
    if (error !== null || signal.aborted)
      this.fail(error ?? signal.reason); // a call that was ended may end like a complete one
    else if (sessionId === null) this.succeed(null);
    else background.launch('storing a turn', () => this.succeedWithTurn());
  }

  /** Nothing (more) comes: ends the exchange and what is under way for it. Does nothing once it has ended. */
  fail(error: unknown): void {
    if (this.result) return;
    const { ask, bill } = this.facts;
    const isAnswering = this.out !== null || ask.signal.aborted;
    this.source.abandon();
    if (this.out !== null && !ask.signal.aborted) this.tellBroken(error);
    const usage = this.model && bill.usage(this);
    const end = endOfFailure(error, isAnswering && ask.request.stream === true);
    this.finishWith({ ...end, usage, completion: null, persisted: null });
    this.out?.end(error);
  }

  /** The status line is long gone: the log is where the reason can be read. Of a plain answer the error filter tells. */
  private tellBroken(err: unknown): void {
    const { request, requestId } = this.facts.ask;
    if (!request.stream) return;
    const level = err instanceof AppError ? 'warn' : 'error';
    logger[level]({ err, request_id: requestId }, 'a stream broke off');
  }

  private aborted(): void {
    this.fail(this.facts.ask.signal.reason);
  }

  private async succeedWithTurn(): Promise<void> {
    const { facts, route, elapsedMs: latencyMs } = this;
    try {
      const usage = facts.bill.usage(this);
      const answer = this.completion();
      const turn = { answer, route, usage, costUsd: this.costUsd(usage), latencyMs };
      const persisted = await this.finish.storeTurn(facts, turn);
      if (facts.ask.signal.aborted) this.fail(facts.ask.signal.reason);
      else this.succeed(persisted);
    } catch (error) {
      this.fail(error);
    }
  }

  private succeed(persisted: boolean | null): void {
    if (this.result) return;
    const usage = this.facts.bill.usage(this);
    const completion = this.completion();
    this.finishWith({ outcome: 'answered', status: 200, errorCode: null, usage, completion, persisted });
    this.out?.end(null);
  }

  private completion(): ChatFrame {
    return this.plain ?? new CollectedFrame(this.collector.completion());
  }

  private finishWith(how: HowItEnded): void {
    const { facts, firstTokenMs, overheadMs, model } = this;
    const { signal, request } = facts.ask;
    if (request.stream) signal.removeEventListener('abort', this.onAbort);
    this.result = { ...how, route: this.route, costUsd: this.costUsd(how.usage) };
    const billed = facts.bill.billed(how.usage, model?.target ?? null, this);
    this.finish.tell(facts, this.result, billed, { totalMs: this.elapsedMs, overheadMs, firstTokenMs });
  }

  /** USD; 0 for an answer from the cache. */
  private costUsd(usage: Usage | null): number | null {
    if (this.model === null) return 0;
    const own = costUsd(usage, this.model.target.price);
    const { extraCostUsd } = this.facts.bill;
    return own === null || extraCostUsd === null ? null : own + extraCostUsd;
  }
}

function cachedFrames({ lookup, ask }: ChatFacts): readonly ChatFrame[] {
  const { completion } = lookup.answer!;
  return ask.request.stream ? replayFrames(completion) : [completion];
}

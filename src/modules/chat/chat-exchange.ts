import { Logger } from '@nestjs/common';
import { AppError } from '../../common/app-error.js';
import type { Attempt } from '../../common/attempt.js';
import { BackgroundWork } from '../../common/background-work.js';
import type { ChatChunk } from '../../common/chat.js';
import type { ChunkSink } from '../../common/chunk-stream.js';
import type { HeaderList } from '../../common/http/answer-writer.js';
import { endOfFailure } from '../../common/http/end-of-failure.js';
import { LineLimit } from '../../common/logging/line-limit.js';
import type { RouteDecision } from '../router/router.messages.js';
import type { ChatFacts } from './chat-facts.js';
import type { AnsweredBy, ChatAnswer, ChatEnd } from './chat.messages.js';
import { strategyOf, type FinishChat } from './finish-chat.js';
import { addPlainHeaders, answerHeaders } from '../../common/http/response-headers.js';
import { together, type GivenAnswer } from './given-answer.js';

const logger = new Logger('chat');
const brokenStreams = new LineLimit('chat');
const background = new BackgroundWork('chat');

/** An end without what only an answer that has begun can say. */
type HowItEnded = Omit<ChatEnd, 'route' | 'costUsd'>;

/**
 * One request whose answer has begun, until its end. Hands the answer on, stores the turn, and owns what the request took.
 * Ends exactly once, by the answer or by the caller's signal, whether or not anybody reads, and the end is told then.
 */
export class ChatExchange implements ChatAnswer, ChunkSink {
  /** Milliseconds until the answer began. */
  readonly firstTokenMs: number;
  /** This service's own share of them. */
  readonly overheadMs: number;
  /** How it ended; `null` before. */
  result: ChatEnd | null = null;
  private out: ChunkSink | null = null;
  private readonly onAbort = this.aborted.bind(this); // not as an object that listens, see docs/adr/0020

  /** Has ended already when nobody waits for it any more. */
  constructor(
    readonly facts: ChatFacts,
    private readonly answer: GivenAnswer,
    private readonly finish: FinishChat,
  ) {
    const { signal, request } = facts.ask;
    this.firstTokenMs = this.elapsedMs;
    this.overheadMs = Math.max(0, this.firstTokenMs - answer.upstreamMs);
    if (signal.aborted) this.fail(signal.reason);
    // a plain answer is read to its end at once; a stream waits for a reader
    else if (request.stream || !answer.endsWithCaller) signal.addEventListener('abort', this.onAbort, { once: true });
  }

  get elapsedMs(): number {
    return performance.now() - this.facts.ask.startedAt;
  }

  get route(): AnsweredBy {
    return { ...this.answer.route, strategy: strategyOf(this.facts, this.decision) };
  }

  /** `null` where the answer was not made for this request. */
  get decision(): RouteDecision | null {
    return this.answer.decision;
  }

  /** Calls that were made for this request. */
  get attempts(): readonly Attempt[] {
    return this.answer.attempts;
  }

  /** Of the target that answers, tokens; `null` when unknown. */
  get contextWindow(): number | null {
    return this.answer.contextWindow;
  }

  headers(): HeaderList {
    return answerHeaders(this);
  }

  plainHeaders(): HeaderList {
    const headers = answerHeaders(this);
    if (this.result) addPlainHeaders(headers, this.result);
    return headers;
  }

  /** Hands the answer out from its beginning; its end once the turn is stored. */
  relay(out: ChunkSink): void {
    this.out = out;
    if (this.result) out.end(this.facts.ask.signal.reason);
    else this.answer.relay(this);
  }

  pause(): void {
    this.answer.pause();
  }

  resume(): void {
    this.answer.resume();
  }

  chunk(chunk: ChatChunk): void {
    if (!this.result) this.out?.chunk(chunk);
  }

  end(error: unknown): void {
    const { signal, sessionId, keepsTurn } = this.facts.ask;
    if (this.result) return;
    if (error !== null || signal.aborted)
      this.fail(error ?? signal.reason); // a call that was ended may end like a complete one
    else if (sessionId === null || !keepsTurn) this.succeed(null);
    else background.launch('storing a turn', () => this.succeedWithTurn());
  }

  /** Nothing (more) comes: ends the exchange and what is under way for it. Does nothing once it has ended. */
  fail(error: unknown): void {
    if (this.result) return;
    const { ask } = this.facts;
    const isAnswering = this.out !== null || ask.signal.aborted;
    this.answer.abandon();
    if (this.out !== null && !ask.signal.aborted) this.tellBroken(error);
    const { usage } = this.answer;
    const end = endOfFailure(error, isAnswering && ask.request.stream === true);
    this.finishWith({ ...end, usage, completion: null, persisted: null });
    this.out?.end(error);
  }

  /** What a server did wrong is in the line of the request; a defect of ours has a stack. The error filter tells of plain ones. */
  private tellBroken(err: unknown): void {
    const { request, requestId } = this.facts.ask;
    if (!request.stream) return;
    const isDefect = !(err instanceof AppError) && brokenStreams.allows('streams that broke off by a defect');
    logger[isDefect ? 'error' : 'debug']({ err, request_id: requestId }, 'a stream broke off');
  }

  private aborted(): void {
    this.fail(this.facts.ask.signal.reason);
  }

  private async succeedWithTurn(): Promise<void> {
    const { signal } = this.facts.ask;
    try {
      const persisted = await this.finish.storeTurn(this.facts, this.answer, this.route, this.elapsedMs);
      if (signal.aborted) this.fail(signal.reason);
      else this.succeed(persisted);
    } catch (error) {
      this.fail(error);
    }
  }

  private succeed(persisted: boolean | null): void {
    if (this.result) return;
    const { usage } = this.answer;
    const completion = this.answer.completion();
    this.finishWith({ outcome: 'answered', status: 200, errorCode: null, usage, completion, persisted });
    this.out?.end(null);
  }

  private finishWith(how: HowItEnded): void {
    const { facts, answer, route, firstTokenMs, overheadMs } = this;
    facts.ask.signal.removeEventListener('abort', this.onAbort);
    const { saved } = answer;
    const charge = together(answer.leave(), facts.owed);
    this.result = { ...how, route, costUsd: charge.costUsd };
    const timing = { totalMs: this.elapsedMs, overheadMs, firstTokenMs };
    this.finish.tell({
      facts,
      end: this.result,
      charge,
      saved,
      timing,
      decision: this.decision,
      joined: answer.madeIn,
    });
  }
}

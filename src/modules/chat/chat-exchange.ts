import { Injectable, Logger } from '@nestjs/common';
import { CommandBus, EventBus } from '@nestjs/cqrs';
import { exactCompletion } from '../../common/answer-shape.js';
import { AppError } from '../../common/app-error.js';
import type { Attempt } from '../../common/attempt.js';
import { BackgroundWork } from '../../common/background-work.js';
import type { ChatChunk } from '../../common/chat.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { ChunkSink, Flow } from '../../common/chunk-stream.js';
import { CallerGone } from '../../common/http/caller-signal.js';
import { CLIENT_CLOSED_REQUEST } from '../../common/http/request-ends.js';
import { messagesToKeep } from '../../common/json/numbers.js';
import { LineLimit } from '../../common/logging/line-limit.js';
import { noted, type RequestTrace } from '../../common/tracing/request-trace.js';
import { AppendTurnCommand } from '../session/session.messages.js';
import type { RouteDecision } from '../router/router.messages.js';
import { NOT_LOOKED_UP, type ChatFacts } from './chat-facts.js';
import { ChatCompletedEvent, type AnsweredBy, type ChatEnd, type ChatTiming } from './chat.messages.js';
import type { Participant } from './participant.js';
import { NO_CHARGE, together, type Charge, type GivenAnswer } from './given-answer.js';

const logger = new Logger('chat');
const brokenStreams = new LineLimit('chat');
const background = new BackgroundWork('chat');

/** An end without what only an answer that has begun can say. */
type HowItEnded = Omit<ChatEnd, 'route' | 'costUsd'>;

/** What there is to tell of the end of a request. */
interface ToldEnd {
  readonly facts: ChatFacts;
  readonly end: ChatEnd;
  readonly charge: Charge;
  readonly saved: GivenAnswer['saved'];
  readonly timing: ChatTiming;
  readonly decision: RouteDecision | null;
  readonly joined: RequestTrace | null;
}

const NOTHING_SAVED: GivenAnswer['saved'] = Object.freeze({ usd: 0, ms: 0 });

/**
 * One request whose answer has begun, until its end. Hands the answer on, stores the turn, and owns what the request took.
 * Ends exactly once, by the answer or by the caller's signal, whether or not anybody reads, and the end is told then.
 */
export class ChatExchange implements ChunkSink, Flow {
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

/** Those whose content may stand in the log. */
const tenantsWithContent = ({ tenants }: RouterConfig): ReadonlySet<string> =>
  new Set(Object.entries(tenants).flatMap(([tenant, { logContent }]) => (logContent ? [tenant] : [])));

/** The last step of the recipe: the turn is stored, and everybody is told that the request has ended. */
@Injectable()
export class FinishChat {
  /** Requests that have begun and not ended. */
  running = 0;
  private readonly logged: () => ReadonlySet<string>;

  constructor(
    private readonly commands: CommandBus,
    private readonly events: EventBus,
    config: LiveConfig,
  ) {
    this.logged = config.derived(tenantsWithContent);
  }

  /** @returns whether a durable store has the turn; `null` where there is none to store */
  async storeTurn(
    { ask, conversation }: ChatFacts,
    given: GivenAnswer,
    { target, tier, model, simulated, fallback }: AnsweredBy,
    latencyMs: number,
  ): Promise<boolean | null> {
    const { caller, sessionId } = ask;
    if (sessionId === null) return null;
    const message = exactCompletion(given.completion()).choices?.[0]?.message;
    if (!message) return false;
    const { usage, costUsd } = given;
    const turn = {
      requestId: ask.requestId,
      messages: [...messagesToKeep(ask.request), { role: 'assistant', ...message }],
      ...{ target, tier, model, simulated, usage, costUsd, latencyMs, fallback },
      cached: given.decision === null,
    };
    const command = new AppendTurnCommand({ caller, sessionId, turn, began: conversation.began });
    return (await noted(ask.trace, 'turn.store', this.commands.execute(command))).persisted;
  }

  /** Tells of the end, once a request. */
  tell({ facts, end, charge, saved, timing, decision, joined }: ToldEnd): void {
    const { ask, lookup, lease } = facts;
    const { bypass } = lookup;
    const result = lookup === NOT_LOOKED_UP ? null : lookup.result;
    const { billed, attempts, pays } = charge;
    if (ask.keepsTurn) this.running -= 1; // a renewal was not counted
    const savedMs = Math.max(0, saved.ms - timing.totalMs);
    this.events.publish(
      new ChatCompletedEvent({
        ...end,
        requestId: ask.requestId,
        caller: ask.caller,
        requestedModel: ask.request.model,
        ...{ billed, attempts, pays, timing, decision },
        lease,
        cache: { result, bypass, isRenewal: !ask.keepsTurn, savedUsd: saved.usd, savedMs },
        stream: ask.request.stream === true,
        sessionId: ask.sessionId,
        trace: ask.trace,
        joined,
        asked: this.logged().has(ask.caller.tenant) ? ask.request.messages : null,
      }),
    );
  }

  /**
   * Tells of a request for which no answer has begun. Where its caller left while a model had the prompt, that is told as
   * what came (FAULTS F02).
   *
   * @param part of it in a generation, if any
   */
  failed(facts: ChatFacts, error: unknown, part: Participant | null): void {
    const totalMs = performance.now() - facts.ask.startedAt;
    const own = part?.leave() ?? NO_CHARGE;
    const charge = together(own, facts.owed);
    const left = own.pays && part?.isAsked ? part : null;
    const route = left && { ...left.route, strategy: strategyOf(facts, left.decision) };
    const end = {
      ...endOfFailure(error, false),
      ...{ route, usage: left?.usage ?? null, costUsd: charge.costUsd, completion: null, persisted: null },
    };
    const timing = { totalMs, overheadMs: 0, firstTokenMs: null };
    this.tell({ facts, end, charge, saved: NOTHING_SAVED, timing, decision: part?.decision ?? null, joined: null });
  }
}

const strategyOf = ({ ask, ownStrategy }: ChatFacts, decision: RouteDecision | null): string =>
  decision?.strategy ?? ask.strategy ?? ownStrategy;

/** @param isStreaming whether a stream may have begun to go out */
function endOfFailure(error: unknown, isStreaming: boolean): Pick<ChatEnd, 'outcome' | 'status' | 'errorCode'> {
  if (error instanceof CallerGone) return { outcome: 'aborted', status: CLIENT_CLOSED_REQUEST, errorCode: null };
  const { code, status } = error instanceof AppError ? error : { code: 'internal_error', status: 500 };
  return isStreaming
    ? { outcome: 'cut', status: 200, errorCode: code }
    : { outcome: 'failed', status, errorCode: code };
}

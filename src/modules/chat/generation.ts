import { AttemptLog } from '../../common/attempt.js';
import type { ChatChunk, ChatFrame, Completion } from '../../common/chat.js';
import type { ChunkSink } from '../../common/chunk-stream.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { CallerGone } from '../../common/http/caller-signal.js';
import type { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { RequestTrace } from '../../common/tracing/request-trace.js';
import type { Usage } from '../../common/usage.js';
import type { ModelAnswer } from '../resilience/resilience.messages.js';
import type { RouteDecision } from '../router/router.messages.js';
import { AnswerBill, type ExchangedTexts } from './answer-bill.js';
import { promptTokens, type ChatFacts } from './chat-facts.js';
import type { ChatAsk, GeneratedAnswer } from './chat.messages.js';
import { replayChunks } from './completion-replay.js';
import { CollectedFrame, CompletionCollector } from './completion-collector.js';
import { NO_CHARGE, type Charge } from './given-answer.js';
import { LeftCall } from './left-call.js';
import { Participant, type Course, type FoundAnswer } from './participant.js';
import { StreamSoFar, type SharedRoom } from './stream-so-far.js';

/** How far readers of one stream may be apart before the model is held up for all of them, characters. */
const MOST_BEHIND = 8_388_608;

/** Who is told that a generation is over, before its participants are. */
export interface GenerationKeeper extends SharedRoom {
  readonly prices: AnsweredPrices;
  over(generation: Generation): void;
  /** Nobody can join it any more. */
  ends(generation: Generation): void;
}

/**
 * One answer that is being made, and everybody who gets it: the request it is made for, and those who ask the same meanwhile.
 * It goes on as long as one of them is there. Who leads, the first who is still there, pays for all of it.
 */
export class Generation implements ChunkSink, ExchangedTexts, Course {
  readonly attempts = new AttemptLog();
  readonly bill: AnswerBill;
  /** How many requests have joined the first one. */
  joined = 0;
  /** Of whom to ask; a cascade adds to it when it is over. */
  decision: RouteDecision | null = null;
  model: ModelAnswer | null = null;
  /** Where no model had to be asked. */
  found: FoundAnswer | null = null;
  /** The whole answer, at its end. */
  completion: ChatFrame | null = null;
  /** Of this generation over all replicas, opaque; `null` = none. */
  lease: string | null = null;
  /** Why there is none; `null` while there may be. */
  error: unknown = null;
  isOver = false;
  private readonly soFar: StreamSoFar;
  private readonly collector = new CompletionCollector();
  private readonly parts: Participant[] = [];
  /** `null` where nobody can join: then it ends with its caller's signal. */
  private readonly ending: AbortController | null;
  private isHeld = false;
  private isCharged = false;
  /** Of a plain answer, as a stream: made once for all who want it so. */
  private replayed: readonly ChatChunk[] | null = null;
  /** The usage of all of it. */
  private used: Usage | null = null;

  /** @param facts of the request it is made for @param isShared whether others may join */
  constructor(
    readonly facts: ChatFacts,
    private readonly keeper: GenerationKeeper,
    config: RouterConfig,
    readonly isShared: boolean,
  ) {
    this.soFar = new StreamSoFar(keeper, config.cache.maxEntryBytes, isShared && this.isStream);
    this.ending = isShared ? new AbortController() : null;
    this.bill = new AnswerBill(config.targets, keeper.prices);
    this.parts.push(new Participant(this, facts.ask, true));
  }

  /** The request it is made for. */
  get leader(): Participant {
    return this.parts[0]!;
  }

  get trace(): RequestTrace | null {
    return this.facts.ask.trace;
  }

  get isStream(): boolean {
    return this.facts.ask.request.stream === true;
  }

  /** Aborts when nobody waits for the answer any more. */
  get signal(): AbortSignal {
    return this.ending?.signal ?? this.facts.ask.signal;
  }

  /** Another request for the same. @returns `null` where it cannot have this one */
  join(ask: ChatAsk): Participant | null {
    const isLive = this.isStream && ask.request.stream === true;
    if (!this.isShared || this.isOver || this.signal.aborted || (isLive && !this.soFar.isOpen)) return null;
    const part = new Participant(this, ask, false, isLive ? this.soFar.chunk() : null);
    this.parts.push(part);
    this.joined += 1;
    if (this.model && part.isLive) part.tell('answered');
    return part;
  }

  /** The answer was there already, or another replica has made it. */
  find(result: FoundAnswer['result'], answer: FoundAnswer['answer']): void {
    this.found = { result, answer };
    this.finish();
  }

  /** A model has begun to answer. */
  begin(model: ModelAnswer, decision: RouteDecision): void {
    this.decision = decision;
    this.model = model;
    if (this.signal.aborted) {
      model.abandon();
      return this.fail(this.signal.reason);
    }
    for (const part of [...this.parts]) if (part.isLive || part.isLeader) part.tell('answered');
    model.relay(this);
  }

  chunk(chunk: ChatChunk): void {
    if (this.isOver) return;
    for (const frame of chunk.frames) {
      this.bill.note(frame);
      if (this.isStream) this.collector.add(frame);
      else this.completion = frame;
    }
    this.soFar.add(chunk);
    let isBehind = false;
    for (const part of this.parts) {
      part.take(chunk);
      isBehind ||= part.behind > MOST_BEHIND;
    }
    if (isBehind) this.regulate();
  }

  end(error: unknown): void {
    if (this.isOver) return;
    if (error !== null || this.signal.aborted) return this.fail(error ?? this.signal.reason); // a call that was ended may end well
    this.completion ??= new CollectedFrame(this.collector.completion());
    this.finish();
  }

  /** Nothing (more) comes. Does nothing once it is over. */
  fail(error: unknown): void {
    if (this.isOver) return;
    this.error = error;
    this.completion = null;
    if (error instanceof CallerGone && this.model === null) this.model = this.leftCall();
    this.finish();
  }

  /** Nobody waits for it: ends what is under way for it. */
  abort(reason: unknown): void {
    if (this.isOver) return;
    this.keeper.ends(this);
    this.ending?.abort(reason);
    this.model?.abandon();
    if (this.model) this.fail(reason);
  }

  wholeAs(stream: boolean): readonly ChatChunk[] {
    const { completion } = this;
    if (!completion) return [];
    if (!stream) return [{ frames: [completion] }];
    return (this.replayed ??= replayChunks(completion));
  }

  isAlone(part: Participant): boolean {
    return this.parts.every((other) => other === part || other.isGone);
  }

  /** Who has been there for the longest leads. */
  isLed(part: Participant): boolean {
    return this.parts[0] === part;
  }

  isPaidBy(part: Participant): boolean {
    return this.isLed(part) && !this.isCharged;
  }

  get elapsedMs(): number {
    return performance.now() - this.facts.ask.startedAt;
  }

  /** A participant has what it wanted, or waits no more. What everything took is for whoever leads then. */
  leave(part: Participant): Charge {
    const at = this.parts.indexOf(part);
    if (at < 0) return NO_CHARGE;
    const isLast = this.parts.length === 1;
    const pays = at === 0 && !this.isCharged && this.found === null && (this.isOver || isLast);
    const charge = pays ? this.charge() : NO_CHARGE;
    this.parts.splice(at, 1);
    if (at === 0) this.parts[0]?.lead();
    if (this.isOver) return charge;
    if (isLast) this.abort(part.reasonToLeave);
    else this.regulate();
    return charge;
  }

  /** Holds the model up while nobody reads, or while somebody is too far behind. */
  regulate(): void {
    if (this.isOver || !this.model) return;
    let isHeld = this.parts.length > 0;
    for (const { isPaused } of this.parts) if (!isPaused) isHeld = false;
    for (const { behind } of this.parts) if (behind > MOST_BEHIND) isHeld = true;
    if (isHeld === this.isHeld) return;
    this.isHeld = isHeld;
    if (isHeld) this.model.pause();
    else this.model.resume();
  }

  /** The answer so far. */
  answer(): Completion {
    return this.completion?.json ?? this.collector.completion();
  }

  /** Tokens of what went to the model, estimated. */
  promptTokens(): number {
    return promptTokens(this.facts, this.model?.target.contextWindow ?? null);
  }

  /** Of what has come; `null` = nothing. */
  usage(): Usage | null {
    if (this.model === null) return null;
    if (!this.isOver) return this.bill.usage(this);
    return (this.used ??= this.bill.usage(this));
  }

  /** USD of what has come, with the answers that were not used; `null` = unknown. */
  costUsd(): number | null {
    const own = this.model ? this.bill.costUsd(this.usage(), this.model) : 0;
    const { extraCostUsd } = this.bill;
    return own === null || extraCostUsd === null ? null : own + extraCostUsd;
  }

  /** For the cache. @param key of what was asked */
  generated(key: string): GeneratedAnswer {
    const { facts, model, completion, joined, isOver, error } = this;
    const { caller, request, sessionId, startedAt } = facts.ask;
    const isWhole = isOver && error === null && model !== null;
    return {
      key,
      completion: isWhole ? completion : null,
      route: isWhole ? { ...namesOf(model), model: model.model } : null,
      usage: this.usage(),
      costUsd: this.costUsd(),
      tookMs: this.elapsedMs,
      beganAt: startedAt,
      ...{ caller, sessionId, joined, lease: this.lease },
      replaces: facts.lookup.bypass === 'no_cache',
      askedModel: request.model,
    };
  }

  /** Who left pays for the prompt that is with a server by then, once, however many had it. */
  private leftCall(): LeftCall | null {
    const target = this.bill.dearest(this.attempts.left);
    return target && new LeftCall(target, target.id !== this.decision?.candidates[0]?.id);
  }

  private finish(): void {
    this.isOver = true;
    this.soFar.close();
    this.keeper.over(this);
    for (const part of [...this.parts]) part.over();
  }

  private charge(): Charge {
    this.isCharged = true;
    const billed = this.bill.billed(this.usage(), this.model, this);
    return { pays: true, billed, costUsd: this.costUsd(), attempts: this.attempts.all };
  }
}

const namesOf = ({ target: { id: target, tier, simulated } }: ModelAnswer) => ({ target, tier, simulated });

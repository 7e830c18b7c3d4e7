import type { Attempt, AttemptLog } from '../../common/attempt.js';
import type { ChatChunk, ChatFrame } from '../../common/chat.js';
import type { ChunkSink } from '../../common/chunk-stream.js';
import { TextRun } from '../../common/text-run.js';
import type { RequestTrace } from '../../common/tracing/request-trace.js';
import type { Usage } from '../../common/usage.js';
import type { CachedAnswer, ClaimResult } from '../cache/cache.messages.js';
import type { ModelAnswer } from '../resilience/resilience.messages.js';
import type { RouteDecision } from '../router/router.messages.js';
import type { ChatAsk } from './chat.messages.js';
import type { Charge, GivenAnswer } from './given-answer.js';

/** How the waiting of a request ended: with an answer, with the failure of the one it waited for, or too late. */
export type Verdict = 'answered' | 'failed' | 'late';

/** An answer for which no model had to be asked. */
export interface FoundAnswer {
  readonly result: ClaimResult['result'];
  readonly answer: CachedAnswer;
}

/** As much of a generation as its participants see. */
export interface Course {
  readonly isStream: boolean;
  readonly isShared: boolean;
  readonly isOver: boolean;
  readonly error: unknown;
  readonly completion: ChatFrame | null;
  /** The whole answer in one of the two forms, in pieces. At its end. */
  wholeAs(stream: boolean): readonly ChatChunk[];
  readonly found: FoundAnswer | null;
  readonly model: ModelAnswer | null;
  readonly decision: RouteDecision | null;
  readonly attempts: AttemptLog;
  /** Of the request that it is made for. */
  readonly trace: RequestTrace | null;
  isAlone(part: Participant): boolean;
  abort(reason: unknown): void;
  regulate(): void;
  usage(): Usage | null;
  costUsd(): number | null;
  isLed(part: Participant): boolean;
  /** Whether what everything took is this one's, as it stands now. */
  isPaidBy(part: Participant): boolean;
  /** Milliseconds since it began. */
  readonly elapsedMs: number;
  leave(part: Participant): Charge;
}

/**
 * One request's part in a generation: it waits for its beginning, gets the stream at its own pace, and leaves. A stream of
 * which a stream was asked for comes as it is made; in the other form the answer comes when it is whole.
 */
export class Participant implements GivenAnswer {
  isPaused = false;
  /** Characters that have come while it could not take them. */
  behind = 0;
  upstreamMs = 0;
  /** How long it waited for its beginning. */
  waitedMs = 0;
  /** Its caller has gone, and it is about to leave. */
  isGone = false;
  private sink: ChunkSink | null = null;
  /** What it has not taken yet, from `taken` on. */
  private backlog: ChatChunk[] = [];
  private taken = 0;
  private isDone = false;
  private patience: NodeJS.Timeout | null = null;
  private patienceLeftMs = 0;
  private verdict: Verdict | null = null;
  private waiting: PromiseWithResolvers<void> | null = null;
  private readonly joinedAt = performance.now();

  /** @param said of a stream, before it joined */
  constructor(
    private readonly course: Course,
    private readonly ask: ChatAsk,
    readonly isLeader: boolean,
    said: ChatChunk | null = null,
  ) {
    if (said) this.backlog.push(said);
  }

  /** Whether it gets the answer in the form in which it is made. */
  get isSameForm(): boolean {
    return this.course.isStream === (this.ask.request.stream === true);
  }

  /** Whether it gets the stream as it is made. */
  get isLive(): boolean {
    return this.course.isStream && this.ask.request.stream === true;
  }

  get endsWithCaller(): boolean {
    return !this.course.isShared;
  }

  get reasonToLeave(): unknown {
    return (this.ask.signal.reason as unknown) ?? new Error('nobody waits for the answer');
  }

  /**
   * Waits until there is an answer for it. A caller who goes away is let go at once, unless nobody else is there: then what is
   * under way is ended first.
   *
   * @param patienceMs of a request that has joined: how long it waits for the answer of another @param furtherMs and then, where
   *   that has begun
   * @throws the signal's reason; of the leader, why there is no answer
   */
  async begun(patienceMs: number, furtherMs = 0): Promise<Verdict> {
    this.patienceLeftMs = furtherMs;
    if (this.verdict === null) await this.wait(patienceMs);
    const { model, error } = this.course;
    this.waitedMs = performance.now() - this.joinedAt;
    this.upstreamMs = this.isLeader ? (model?.upstreamMs ?? 0) : this.waitedMs;
    const verdict = this.verdict ?? 'late';
    if (verdict === 'answered') return verdict;
    if (this.ask.signal.aborted) throw this.ask.signal.reason;
    if (this.isLeader) throw error;
    return verdict;
  }

  /** Whoever was before it has left: it waits for its own answer from now on. */
  lead(): void {
    clearTimeout(this.patience ?? undefined);
  }

  /** For the timer alone. An answer that has begun is waited for as long as one of its own would be. */
  lose(): void {
    if (this.course.model !== null && this.patienceLeftMs > 0) {
      this.patience = setTimeout(lose, this.patienceLeftMs, this);
      this.patienceLeftMs = 0;
    } else this.tell('late');
  }

  /** Only the first one counts. */
  tell(verdict: Verdict): void {
    this.verdict ??= verdict;
    this.waiting?.resolve();
  }

  /** `null` where a model was asked. */
  get found(): FoundAnswer | null {
    return this.course.found;
  }

  /** Whether a model has the prompt or has answered. */
  get isAsked(): boolean {
    return this.course.model !== null;
  }

  get route(): GivenAnswer['route'] {
    const { model, decision } = this.course;
    const { id: target, tier, simulated } = model!.target;
    const answered = { target, tier, model: model!.model, simulated };
    if (!this.isLeader) return { ...answered, reasonCode: 'cache_shared', fallback: false, recovered: false };
    const { fallback, recovered } = model!;
    return { ...answered, reasonCode: decision!.reasonCode, fallback, recovered };
  }

  get contextWindow(): number | null {
    return this.course.model?.target.contextWindow ?? null;
  }

  get decision(): RouteDecision | null {
    return this.isLeader ? this.course.decision : null;
  }

  get madeIn(): RequestTrace | null {
    return this.isLeader ? null : this.course.trace;
  }

  get attempts(): readonly Attempt[] {
    return this.isLeader ? this.course.attempts.all : [];
  }

  get usage(): Usage | null {
    return this.course.usage();
  }

  get saved(): GivenAnswer['saved'] {
    if (this.course.isPaidBy(this)) return NOTHING_SAVED;
    return { usd: this.course.costUsd() ?? 0, ms: this.course.elapsedMs };
  }

  get costUsd(): number | null {
    return this.course.isPaidBy(this) ? this.course.costUsd() : 0;
  }

  completion(): ChatFrame {
    return this.course.completion!;
  }

  relay(sink: ChunkSink): void {
    this.sink = sink;
    this.more();
  }

  pause(): void {
    this.isPaused = true;
    this.course.regulate();
  }

  resume(): void {
    this.isPaused = false;
    this.more();
    this.course.regulate();
  }

  abandon(): void {
    this.isDone = true;
  }

  leave(): Charge {
    return this.course.leave(this);
  }

  /** The next of the stream, or the plain answer of the leader. */
  take(chunk: ChatChunk): void {
    if (this.isDone || (!this.isLive && !this.isLeader)) return; // in the other form it gets the whole at the end
    if (this.sink !== null && !this.isPaused) return this.sink.chunk(chunk);
    this.backlog.push(chunk);
    this.behind += bytesOf(chunk);
  }

  /** Nothing more comes. */
  over(): void {
    const { error } = this.course;
    this.tell(error === null ? 'answered' : 'failed');
    if (!this.isLive && !this.isLeader && error === null) {
      this.backlog = [...this.course.wholeAs(this.ask.request.stream === true)];
    }
    this.more();
  }

  /** What it can take now of what it has not taken. */
  private more(): void {
    const { sink } = this;
    if (sink === null) return;
    while (this.taken < this.backlog.length) {
      if (this.isPaused || this.isDone) return;
      const chunk = this.backlog[this.taken]!;
      this.taken += 1;
      this.behind = Math.max(0, this.behind - bytesOf(chunk));
      sink.chunk(chunk);
    }
    if (this.taken > 0) this.backlog = [];
    this.taken = 0;
    if (this.course.isOver && !this.isPaused) this.finish(sink);
  }

  private async wait(patienceMs: number): Promise<void> {
    const { signal } = this.ask;
    this.waiting = Promise.withResolvers();
    const onAbort = this.aborted.bind(this); // not as an object that listens, see docs/adr/0020
    if (!this.course.isLed(this)) this.patience = setTimeout(lose, patienceMs, this);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) this.aborted();
    await this.waiting.promise;
    clearTimeout(this.patience ?? undefined);
    signal.removeEventListener('abort', onAbort);
  }

  private finish(sink: ChunkSink): void {
    if (this.isDone) return;
    this.isDone = true;
    sink.end(this.course.error);
  }

  private aborted(): void {
    this.isGone = true;
    if (this.course.isAlone(this)) this.course.abort(this.ask.signal.reason);
    else this.tell('failed');
  }
}

const NOTHING_SAVED = Object.freeze({ usd: 0, ms: 0 });
const lose = (part: Participant): void => part.lose();

/** Characters, which is near enough. */
export function bytesOf({ frames }: ChatChunk): number {
  let bytes = 0;
  for (const frame of frames) bytes += frame instanceof TextRun ? frame.wire.length : frame.text.length;
  return bytes;
}

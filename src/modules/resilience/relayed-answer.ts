import { BackgroundWork } from '../../common/background-work.js';
import type { ChatChunk, ChatRequest } from '../../common/chat.js';
import type { ChunkSink } from '../../common/chunk-stream.js';
import { passedThroughOf } from '../../common/passed-through.js';
import type { TargetStatus } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import { NotJoinable } from './answer-splice.js';
import type { BegunAnswer } from './begun-answer.js';
import { brokenOff } from './call-failure.js';
import type { ModelAnswer } from './resilience.messages.js';
import type { ResumedAttempt } from './resume.js';
import { ResumedFrames } from './resumed-frames.js';
import { SentAnswer } from './sent-answer.js';

/** Finds an attempt that goes on with a cut answer. @param sent what the caller has @returns `null` when there is none */
export type Resume = (cut: BegunAnswer, sent: string) => Promise<ResumedAttempt | null>;

const background = new BackgroundWork('resilience');

/**
 * The answer of the attempt that has begun, as it comes. Where it may be recovered and breaks off, another attempt goes on
 * and the caller sees one answer (FAULTS, "How recovery of a cut stream works"). See `ModelAnswer`.
 */
export class RelayedAnswer implements ModelAnswer, ChunkSink {
  /** `null` where nothing is recovered. */
  private readonly sent: SentAnswer | null;
  private sink: ChunkSink | null = null;
  private resumed: ResumedFrames | null = null;
  private isPaused = false;
  private isAbandoned = false;

  /** @param first the target that was to answer @param goOn `null` = a cut answer stays cut */
  constructor(
    private current: BegunAnswer,
    private readonly first: TargetStatus | undefined,
    private readonly goOn: Resume | null,
  ) {
    this.sent = goOn && new SentAnswer();
  }

  get model(): string {
    return this.current.model;
  }

  get target(): TargetStatus {
    return this.current.target;
  }

  get fallback(): boolean {
    return this.current.target !== this.first;
  }

  get recovered(): boolean {
    return this.resumed !== null;
  }

  get upstreamMs(): number {
    return this.current.upstreamMs;
  }

  relay(sink: ChunkSink): void {
    this.sink = sink;
    this.current.relay(this);
  }

  pause(): void {
    this.isPaused = true;
    this.current.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.current.resume();
  }

  abandon(): void {
    this.isAbandoned = true;
    this.current.abandon();
  }

  chunk(chunk: ChatChunk): void {
    let out: ChatChunk | null = chunk;
    try {
      if (this.resumed) out = this.resumed.rewritten(chunk);
    } catch (error) {
      return this.breakOff(error);
    }
    if (!out) return;
    this.sent?.note(out);
    this.sink?.chunk(out);
  }

  end(error: unknown): void {
    if (this.isAbandoned) return;
    const { sent, goOn } = this;
    const isMendable = error instanceof UpstreamFailure && error.remedy !== 'none';
    if (!isMendable || !goOn || !sent?.isText) return this.sink?.end(error === null ? null : brokenOff(error));
    background.launch('going on with a cut answer', () => this.recover(error, goOn, sent));
  }

  private async recover(failure: UpstreamFailure, goOn: Resume, sent: SentAnswer): Promise<void> {
    try {
      const next = await goOn(this.current, sent.text);
      if (!next) return this.sink?.end(brokenOff(failure));
      this.current = next.begun;
      if (this.isAbandoned) return next.begun.abandon();
      this.resumed = new ResumedFrames(sent, next.continues);
      if (this.isPaused) next.begun.pause();
      next.begun.relay(this);
    } catch (error) {
      this.sink?.end(brokenOff(error));
    }
  }

  /** The second answer cannot be joined to the first. */
  private breakOff(error: unknown): void {
    if (this.isAbandoned) return;
    this.abandon();
    this.sink?.end(error instanceof NotJoinable ? brokenOff(new UpstreamFailure('cut', error.message)) : error);
  }
}

/**
 * A text in one piece can be joined; structured output, several choices and log-probabilities cannot, and the events of a
 * request that is passed through are not written here.
 */
export function isOneText(request: ChatRequest): boolean {
  const { stream, n, response_format: format, logprobs } = request;
  if (passedThroughOf(request) !== null) return false;
  return stream === true && (n ?? 1) === 1 && (!format || format.type === 'text') && logprobs !== true;
}

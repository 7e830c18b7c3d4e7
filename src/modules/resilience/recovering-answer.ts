import { BackgroundWork } from '../../common/background-work.js';
import type { ChatChunk, ChatRequest } from '../../common/chat.js';
import type { TargetStatus } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import { NotJoinable } from './answer-splice.js';
import type { BegunAnswer } from './begun-answer.js';
import { brokenOff } from './call-failure.js';
import { RelayedAnswer } from './relayed-answer.js';
import { ResumedFrames } from './resumed-frames.js';
import { SentAnswer } from './sent-answer.js';

/** An attempt that goes on where another one was cut. */
export interface ResumedAttempt {
  readonly begun: BegunAnswer;
  /** The model was given what had been sent, so what it says now is the continuation. */
  readonly continues: boolean;
}

/** Finds an attempt that goes on with a cut answer. @param sent what the caller has @returns `null` when there is none */
export type Resume = (cut: BegunAnswer, sent: string) => Promise<ResumedAttempt | null>;

const background = new BackgroundWork('resilience');

/**
 * The answer of the attempt that has begun; when that breaks off, another one goes on and the caller sees one answer
 * (FAULTS, "How recovery of a cut stream works"). See `ModelAnswer`.
 */
export class RecoveringAnswer extends RelayedAnswer {
  private readonly sent = new SentAnswer();
  private resumed: ResumedFrames | null = null;
  private isPaused = false;

  constructor(
    current: BegunAnswer,
    first: TargetStatus | undefined,
    private readonly goOn: Resume,
  ) {
    super(current, first);
  }

  override pause(): void {
    this.isPaused = true;
    super.pause();
  }

  override resume(): void {
    this.isPaused = false;
    super.resume();
  }

  override chunk(chunk: ChatChunk): void {
    let out: ChatChunk | null = chunk;
    try {
      if (this.resumed) out = this.resumed.rewritten(chunk);
    } catch (error) {
      return this.breakOff(error);
    }
    if (!out) return;
    this.sent.note(out);
    super.chunk(out);
  }

  override end(error: unknown): void {
    if (this.isAbandoned) return;
    const mendable = error instanceof UpstreamFailure && error.remedy !== 'none' && this.sent.isText;
    if (!mendable) return super.end(error);
    this.current.failed(error);
    background.launch('going on with a cut answer', () => this.recover(error));
  }

  private async recover(failure: UpstreamFailure): Promise<void> {
    try {
      const next = await this.goOn(this.current, this.sent.text);
      if (!next) return this.sink?.end(brokenOff(failure));
      this.current = next.begun;
      if (this.isAbandoned) return await next.begun.abandon();
      this.resumed = new ResumedFrames(this.sent, next.continues);
      if (this.isPaused) next.begun.pause();
      next.begun.relay(this);
    } catch (error) {
      this.sink?.end(brokenOff(error));
    }
  }

  /** The second answer cannot be joined to the first. */
  private breakOff(error: unknown): void {
    if (this.isAbandoned) return;
    background.launch('ending an answer that does not fit', () => this.abandon());
    const shown = error instanceof NotJoinable ? brokenOff(new UpstreamFailure('cut', error.message)) : error;
    this.sink?.end(shown);
  }
}

/** A text in one piece can be joined; structured output, several choices and log-probabilities cannot. */
export function isOneText({ stream, n, response_format: format, logprobs }: ChatRequest): boolean {
  return stream === true && (n ?? 1) === 1 && (!format || format.type === 'text') && logprobs !== true;
}

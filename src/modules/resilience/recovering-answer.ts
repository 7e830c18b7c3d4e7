import type { ChatChunk, ChatRequest } from '../../common/chat.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import type { TargetStatus } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import type { AnswerSearch } from './answer-search.js';
import { NotJoinable } from './answer-splice.js';
import type { BegunAttempt } from './begun-attempt.js';
import { brokenOff } from './call-failure.js';
import type { CallModelsCommand, ModelAnswer } from './resilience.messages.js';
import { ResumedFrames } from './resumed-frames.js';
import { SentAnswer } from './sent-answer.js';

/**
 * The answer of the attempt that has begun; when that breaks off, another one goes on and the caller sees one answer
 * (FAULTS, "How recovery of a cut stream works"). See `ModelAnswer`.
 */
export class RecoveringAnswer implements ModelAnswer {
  private readonly sent = new SentAnswer();
  private readonly resumable: boolean;
  private resumed: ResumedFrames | null = null;
  private abandoned = false;

  constructor(
    private readonly command: CallModelsCommand,
    private readonly search: AnswerSearch,
    recovery: RouterConfig['resilience']['streamRecovery'],
    private current: BegunAttempt,
  ) {
    this.resumable = recovery === 'resume' && isOneText(command.request);
  }

  get model(): string {
    return this.current.model;
  }

  get target(): TargetStatus {
    return this.current.target;
  }

  get fallback(): boolean {
    return this.current.target !== this.command.candidates[0];
  }

  get upstreamMs(): number {
    return this.current.beforeMs + this.current.call.upstreamMs;
  }

  async abandon(): Promise<void> {
    this.abandoned = true;
    await this.current.abandon();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChatChunk> {
    // eslint-disable-next-line no-restricted-syntax -- where nobody starts it, `abandon` ends the call
    try {
      for (;;) {
        try {
          const { begun, rest, ended } = this.current.stream;
          for (const chunk of begun) {
            const out = this.pass(chunk);
            if (out) yield out;
          }
          for (let next = ended ? null : await rest.next(); next && !next.done; next = await rest.next()) {
            const out = this.pass(next.value);
            if (out) yield out;
          }
          if (!this.abandoned) this.current.whole();
          return;
        } catch (error) {
          await this.goOnAfter(error);
        }
      }
    } finally {
      await this.current.abandon();
    }
  }

  /** What of a chunk the caller gets. */
  private pass(chunk: ChatChunk): ChatChunk | null {
    const out = this.resumed ? this.resumed.rewritten(chunk) : chunk;
    if (out && this.resumable) this.sent.note(out);
    return out;
  }

  /** Puts an attempt in place that goes on with the answer. @throws the typed error that ends the stream */
  private async goOnAfter(error: unknown): Promise<void> {
    if (error instanceof NotJoinable) {
      await this.current.abandon();
      throw brokenOff(new UpstreamFailure('cut', error.message));
    }
    this.current.failed(error);
    if (error instanceof UpstreamFailure) this.search.brokeOff(this.current, error);
    const mendable = error instanceof UpstreamFailure && error.remedy !== 'none';
    if (!this.resumable || !mendable || !this.sent.isText) throw brokenOff(error);
    const next = await this.search.resume(this.current, this.sent.text);
    if (!next) throw brokenOff(error);
    this.current = next.begun;
    if (this.abandoned) await this.current.abandon();
    this.resumed = new ResumedFrames(this.sent, next.continues);
  }
}

/** A text in one piece can be joined; structured output, several choices and log-probabilities cannot. */
function isOneText({ stream, n, response_format: format, logprobs }: ChatRequest): boolean {
  return stream === true && (n ?? 1) === 1 && (!format || format.type === 'text') && logprobs !== true;
}

import { hasContent, type ChatFrame } from '../../../common/chat.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import { errorIn, isErrorBody } from './answer-errors.js';
import { completionIn } from '../../../common/answer-shape.js';
import { readableJson } from '../../../common/json/readable.js';
import type { SseError } from './sse-parser.js';
import { failureOfBody } from './upstream-errors.js';

const DONE = '[DONE]';
/** Frames before the first content are kept until it comes. */
const MAX_EMPTY_CHARACTERS = 1024 * 1024;

/** Follows one stream: turns payloads into frames and knows whether the answer is complete. */
export class StreamFrames {
  /** Events and lines that say nothing here; they are skipped, as the rest of the answer may be whole. */
  skipped = 0;
  /** An error came; the frames before it are still good, and nothing after it is read. */
  failure: UpstreamFailure | null = null;
  /** Whether any frame so far had content or a finish reason: without one there is no answer. */
  hasAnswer = false;
  /** Whether the last read brought some. */
  readContent = false;
  private done = false;
  private emptyCharacters = 0;
  private readonly finished = new Set<number>();
  private finalUsageSeen = false;

  /** @param choices how many choices were asked for (`n`) */
  constructor(private readonly choices: number) {}

  /** The server said everything: `[DONE]`, or usage after every choice has finished. */
  get complete(): boolean {
    return this.done || this.finalUsageSeen;
  }

  /**
   * Every choice has its finish reason; at most usage and `[DONE]` are missing. Servers that give no reason exist, but
   * where something was skipped as well, it may have told why there is none.
   */
  get allFinished(): boolean {
    return this.finished.size >= this.choices || (this.done && (this.finished.size > 0 || this.skipped === 0));
  }

  /** The frames of these payloads, up to an error if there is one; that one is in `failure` then. */
  read(payloads: readonly (string | SseError)[]): ChatFrame[] {
    const frames: ChatFrame[] = [];
    this.readContent = false;
    for (const payload of payloads) {
      if (this.done || this.failure) break;
      if (isDone(payload)) this.done = true;
      else if (typeof payload === 'string') this.readOne(payload, frames);
      else this.failure = failureOfBody(readableJson(payload.data) ?? payload.data);
    }
    return frames;
  }

  private readOne(text: string, frames: ChatFrame[]): void {
    const data = readableJson(text);
    if (isErrorBody(data)) {
      this.failure = failureOfBody(errorIn(data));
      return;
    }
    const json = completionIn(data);
    if (!json) {
      this.skipped += 1;
      return;
    }
    // running totals come before the end; only usage in a frame after it is the last word
    if (json.usage && this.allFinished) this.finalUsageSeen = true;
    for (const choice of json.choices ?? []) if (choice.finish_reason) this.finished.add(choice.index ?? 0);
    if (hasContent(json)) {
      this.readContent = true;
      this.hasAnswer = true;
    } else if (!this.hasAnswer) {
      this.emptyCharacters += text.length;
      if (this.emptyCharacters > MAX_EMPTY_CHARACTERS) {
        this.failure = new UpstreamFailure('bad_answer', 'nothing but frames without content');
      }
    }
    // A payload over several data lines is one line again when it goes out; in JSON they stand between values.
    frames.push({ text: text.includes('\n') ? text.replaceAll('\n', ' ') : text, json });
  }
}

const isDone = (payload: string | SseError): boolean =>
  typeof payload === 'string' && payload.length < 16 && payload.trim() === DONE;

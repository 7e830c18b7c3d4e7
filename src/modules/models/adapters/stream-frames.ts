import type { ChatFrame, Completion } from '../../../common/chat.js';
import type { UpstreamFailure } from '../../../common/upstream-failure.js';
import { failureOfFrame, providerErrorOf } from './upstream-errors.js';

const DONE = '[DONE]';

/** Follows one stream: turns payloads into frames and knows whether the answer is complete. */
export class StreamFrames {
  /** Events that were no JSON; they are skipped, as the rest of the answer may be whole. */
  skipped = 0;
  /** An error object came; the frames before it are still good. */
  failure: UpstreamFailure | null = null;
  private done = false;
  private readonly finished = new Set<number>();
  private usageSeen = false;

  /** @param choices how many choices were asked for (`n`) */
  constructor(private readonly choices: number) {}

  /** The server said everything: `[DONE]`, or every choice has finished and the usage is here. */
  get complete(): boolean {
    return this.done || (this.allFinished && this.usageSeen);
  }

  /** Every choice has its finish reason; at most usage and `[DONE]` are missing. */
  get allFinished(): boolean {
    return this.done || this.finished.size >= this.choices;
  }

  /** The frames of these payloads, up to an error object if there is one; that one is in `failure` then. */
  read(payloads: readonly string[]): ChatFrame[] {
    const frames: ChatFrame[] = [];
    for (const text of payloads) {
      if (text === DONE) this.done = true;
      else if (!this.done && !this.failure) this.readOne(text, frames);
    }
    return frames;
  }

  private readOne(text: string, frames: ChatFrame[]): void {
    const json = parseObject(text);
    if (!json) {
      this.skipped += 1;
      return;
    }
    if (json['error'] !== undefined && json['error'] !== null) {
      this.failure = failureOfFrame(providerErrorOf(json) ?? {});
      return;
    }
    for (const choice of json.choices ?? []) if (choice.finish_reason) this.finished.add(choice.index ?? 0);
    if (json.usage) this.usageSeen = true;
    // A payload over several data lines is one line again when it goes out.
    frames.push({ text: text.includes('\n') ? JSON.stringify(json) : text, json });
  }
}

function parseObject(text: string): Completion | null {
  try {
    const json: unknown = JSON.parse(text);
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject && validChoices(json as Completion) ? (json as Completion) : null;
  } catch {
    return null;
  }
}

function validChoices({ choices }: Completion): boolean {
  return choices === undefined || choices === null || (Array.isArray(choices) && choices.every(isRecord));
}

const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null;

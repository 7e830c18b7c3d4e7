import { hasContent, type ChatFrame, type Completion } from '../../../common/chat.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import { completionIn } from '../../../common/answer-shape.js';
import { readableJson } from '../../../common/json/readable.js';
import { FrameTemplate, TextRun, type RunReader } from '../../../common/text-run.js';
import type { SseError, SseItem } from './sse-parser.js';
import { failureIn, failureOfBody } from './upstream-errors.js';

const DONE = '[DONE]';
/** Frames before the first content are kept until it comes. */
const MAX_EMPTY_CHARACTERS = 1024 * 1024;

/** Templates that no frame is like, after which none is looked for any more. */
const MOST_IDLE_TEMPLATES = 4;

/** Follows one stream: turns events into frames and knows whether the answer is complete. */
export class StreamFrames {
  /** Events and lines that say nothing here; they are skipped, as the rest of the answer may be whole. */
  skipped = 0;
  /** An error came; the frames before it are still good, and nothing after it is read. */
  failure: UpstreamFailure | null = null;
  /** Whether any frame so far had content or a finish reason: without one there is no answer. */
  hasAnswer = false;
  /** Events so far that brought content. */
  contents = 0;
  /** Events so far that say nothing but that the server lives, such as pings. */
  signsOfLife = 0;
  /** How the next frames may look. */
  like: RunReader | null = null;
  /** The server has said that nothing more comes. */
  protected done = false;
  private idleTemplates = 0;
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

  get phase(): 'begin' | 'answer' | 'tail' {
    if (!this.hasAnswer) return 'begin';
    return this.allFinished ? 'tail' : 'answer';
  }

  /** Takes the next event. @param read where its frames go: none where it is an error (in `failure` then) or the end */
  take(item: SseItem, read: ChatFrame[]): void {
    if (this.done || this.failure) return;
    if (item instanceof TextRun) read.push(this.run(item));
    else if (isDone(item)) this.done = true;
    else if (typeof item === 'string') this.readEvent(item, read);
    else this.failure = failureOfBody(readableJson(item.data) ?? item.data);
  }

  /** The payload of an event that is neither an error nor `[DONE]`: a frame as it goes to the caller. */
  protected readEvent(text: string, read: ChatFrame[]): void {
    const data = readableJson(text);
    this.failure = failureIn(data);
    if (this.failure) return;
    const json = completionIn(data);
    if (!json) {
      this.skipped += 1;
      return;
    }
    this.note(json, text.length);
    this.expect(this.seeksRuns ? FrameTemplate.of(text, json) : null);
    // A payload over several data lines is one line again when it goes out; in JSON they stand between values.
    read.push({ text: text.includes('\n') ? text.replaceAll('\n', ' ') : text, json });
  }

  /** Takes note of what a frame says. @param characters of its text */
  protected note(json: Completion, characters: number): void {
    // running totals come before the end; only usage in a frame after it is the last word
    if (json.usage && this.allFinished) this.finalUsageSeen = true;
    for (const choice of json.choices ?? []) if (choice.finish_reason) this.finished.add(choice.index ?? 0);
    if (hasContent(json)) this.sayContent();
    else this.sayNothing(characters);
  }

  /** Whether it is worth while to look for frames that are like the last one: they were, now and then. */
  protected get seeksRuns(): boolean {
    return this.idleTemplates < MOST_IDLE_TEMPLATES;
  }

  protected expect(like: RunReader | null): void {
    this.like = like;
    if (like) this.idleTemplates += 1;
  }

  private run(run: TextRun): TextRun {
    this.idleTemplates = 0;
    if (run.piece === '') this.sayNothing(run.taken);
    else this.sayContent();
    return run;
  }

  private sayContent(): void {
    this.hasAnswer = true;
    this.contents += 1;
  }

  private sayNothing(characters: number): void {
    if (this.hasAnswer) return;
    this.emptyCharacters += characters;
    if (this.emptyCharacters > MAX_EMPTY_CHARACTERS) {
      this.failure = new UpstreamFailure('bad_answer', 'nothing but frames without content');
    }
  }
}

const isDone = (payload: string | SseError): boolean =>
  typeof payload === 'string' && payload.length < 16 && payload.trim() === DONE;

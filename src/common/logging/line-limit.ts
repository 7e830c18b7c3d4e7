import { Logger } from '@nestjs/common';

const WINDOW_MS = 60_000;
/** With their details; what comes beyond them is most likely more of the same. */
const MOST_LINES = 5;
/** Kinds are of code, so they are few; whoever makes them of something else must not fill the memory. */
const MOST_KINDS = 100;
const MORE_KINDS = 'others';

interface Window {
  lines: number;
  leftOut: number;
}

/**
 * For lines that one cause can write for every request, and whose end nobody sees (a defect, an entry that no store takes):
 * the first five of a kind in a minute are written, the rest are told as one number when the minute is over. What has an
 * end is a `FailureEpisode` instead.
 */
export class LineLimit {
  private readonly logger: Logger;
  private readonly windows = new Map<string, Window>();

  /** @param context of the line with the number */
  constructor(
    context: string,
    private readonly windowMs = WINDOW_MS,
  ) {
    this.logger = new Logger(context);
  }

  /** Whether one more may be written. @param kind words for the log, from code: "turns that cannot be stored" */
  allows(kind: string): boolean {
    const name = this.windows.has(kind) || this.windows.size < MOST_KINDS ? kind : MORE_KINDS;
    const window = this.windows.get(name) ?? this.open(name);
    if (window.lines < MOST_LINES) window.lines += 1;
    else window.leftOut += 1;
    return window.leftOut === 0;
  }

  private open(kind: string): Window {
    const window = { lines: 0, leftOut: 0 };
    this.windows.set(kind, window);
    setTimeout(() => this.close(kind, window), this.windowMs).unref();
    return window;
  }

  private close(kind: string, { leftOut }: Window): void {
    this.windows.delete(kind);
    if (leftOut > 0) this.logger.warn({ left_out: leftOut }, `${kind}: ${leftOut} more in the last minute`);
  }
}

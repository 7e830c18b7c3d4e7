import { Readable } from 'node:stream';
import { BackgroundWork, type ScheduledWork } from '../../common/background-work.js';
import { AppError, InternalError } from '../../common/app-error.js';
import type { ChatChunk, ChatFrame } from '../../common/chat.js';

const KEEP_ALIVE_MS = 15_000;
/** A caller who takes nothing for so long is not waited for: its upstream call and its slot are somebody else's turn. */
const READER_IDLE_MS = 30_000;
const KEEP_ALIVE = ': keep-alive\n\n';
const DONE = 'data: [DONE]\n\n';

/** Usage that the upstream sent because we asked for it, in a chunk of its own. */
const isUsageOnly = ({ json }: ChatFrame): boolean => Boolean(json.usage) && (json.choices ?? []).length === 0;

/**
 * An answer as the text of a server-sent event stream. Frames go out as they came; an error becomes the last event and
 * there is no `[DONE]` after it. Everything one read brought is one write.
 *
 * @param withUsage whether the caller asked for the usage chunk
 * @param onError told about the error, which is not thrown on: the status line is long gone
 */
export async function* sseText(
  chunks: AsyncIterable<ChatChunk>,
  withUsage: boolean,
  onError: (error: unknown) => void,
): AsyncGenerator<string> {
  try {
    for await (const { frames } of chunks) {
      let text = '';
      for (const frame of frames) if (withUsage || !isUsageOnly(frame)) text += `data: ${frame.text}\n\n`;
      if (text !== '') yield text;
    }
    yield DONE;
  } catch (error) {
    onError(error);
    const shown =
      error instanceof AppError ? error : new InternalError('The router failed in the middle of the answer.');
    yield `data: ${JSON.stringify(shown.toBody())}\n\n`;
  }
}

const background = new BackgroundWork('chat');

/** The caller's connection takes nothing any more. */
export class ReaderIdle extends Error {}

/**
 * The response body: pulls text when the socket takes some, so that a slow reader slows the model server and nothing
 * piles up here. Sends a comment after 15 s of silence, and gives up a reader who takes nothing for 30 s.
 */
export class SseBody extends Readable {
  private pulling = false;
  private readerWaits = false;
  /** From the first read: a body that nobody ever reads must hold nothing. */
  private keepAlive: ScheduledWork | null = null;
  private readerIdle: ScheduledWork | null = null;

  /** @param readerIdleMs milliseconds a full buffer may wait for the reader */
  constructor(
    private readonly text: AsyncGenerator<string>,
    private readonly readerIdleMs = READER_IDLE_MS,
  ) {
    super({ encoding: 'utf8' });
  }

  override _read(): void {
    this.readerWaits = true;
    if (this.pulling) return;
    if (!this.keepAlive) this.watch();
    this.pulling = true;
    // eslint-disable-next-line no-restricted-syntax -- in the path of every chunk; both ends are here
    this.text.next().then(
      ({ value, done }) => {
        this.pulling = false;
        this.keepAlive?.refresh();
        if (this.destroyed) return;
        this.readerWaits = this.push(done ? null : value);
        if (!this.readerWaits) this.readerIdle?.refresh();
      },
      (error: Error) => this.destroy(error),
    );
  }

  private watch(): void {
    this.keepAlive = background.repeat('keeping a stream alive', KEEP_ALIVE_MS, () => this.silent());
    this.readerIdle = background.repeat('watching a reader', this.readerIdleMs, () => this.giveUp());
  }

  private silent(): void {
    if (this.readerWaits) this.push(KEEP_ALIVE);
  }

  private giveUp(): void {
    if (!this.readerWaits) this.destroy(new ReaderIdle(`the caller took nothing for ${this.readerIdleMs} ms`));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.keepAlive?.stop();
    this.readerIdle?.stop();
    // The caller's abort signal has reached the transport by now, so this settles promptly.
    // eslint-disable-next-line no-restricted-syntax -- the callback owns both ends
    this.text.return(undefined).then(() => callback(error), callback);
  }
}

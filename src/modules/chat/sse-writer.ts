import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, InternalError } from '../../common/app-error.js';
import { BackgroundWork } from '../../common/background-work.js';
import { isUsageOnly, type ChatChunk } from '../../common/chat.js';
import type { ChunkSink, Flow } from '../../common/chunk-stream.js';
import type { StreamCopy } from '../../common/http/idempotent.decorator.js';

const background = new BackgroundWork('chat');

const KEEP_ALIVE_MS = 15_000;
/** A caller who takes nothing for so long is not waited for: its upstream call and its slot are somebody else's turn. */
const READER_IDLE_MS = 30_000;
const KEEP_ALIVE = ': keep-alive\n\n';
const DONE = 'data: [DONE]\n\n';

/** An answer that can be handed out. */
export interface Relayed extends Flow {
  relay(sink: ChunkSink): void;
}

/**
 * Writes an answer as server-sent events to a response whose headers are set, one write a read of the model server.
 * Frames go out as they came; an error becomes the last event and there is no `[DONE]` after it. A socket that is full holds
 * the model server up, so that nothing piles up here. Sends a comment after 15 s of silence, and gives up a reader who takes
 * nothing for 30 s.
 *
 * Its reader may go away at any time: whoever relays the answer ends it then.
 */
export class SseWriter implements ChunkSink {
  private readonly silence: NodeJS.Timeout;
  /** Where chunks of HTTP's chunked encoding can be written to without node's part of it. */
  private socket: Socket | null = null;
  /** `null` until the socket was full for the first time. */
  private readerIdle: NodeJS.Timeout | null = null;
  private isFull = false;
  private isOver = false;

  /**
   * @param withUsage whether the caller asked for the usage chunk
   * @param copy `null` where nobody keeps the answer
   * @param readerIdleMs milliseconds a full socket may wait for the reader
   */
  constructor(
    private readonly response: ServerResponse,
    private readonly answer: Relayed,
    private readonly withUsage: boolean,
    private readonly copy: StreamCopy | null = null,
    private readonly readerIdleMs = READER_IDLE_MS,
  ) {
    this.silence = setTimeout(keepAlive, KEEP_ALIVE_MS, this).unref();
    response.on('error', ignore); // who writes to a connection that has just closed is told by its close
    answer.relay(this);
  }

  chunk({ frames }: ChatChunk): void {
    let text = '';
    for (const frame of frames) {
      if (frame.wire !== undefined) text += frame.wire;
      else if (this.withUsage || !isUsageOnly(frame)) text += `data: ${frame.text}\n\n`;
    }
    if (text !== '') this.write(text);
  }

  end(error: unknown): void {
    if (this.isOver) return;
    this.stop();
    if (error !== null) {
      this.copy?.broken();
      const shown =
        error instanceof AppError ? error : new InternalError('The router failed in the middle of the answer.');
      this.finish(`data: ${JSON.stringify(shown.toBody())}\n\n`);
    } else if (this.copy === null) this.finish(DONE);
    else background.launch('keeping a stream', () => this.finishCopied(this.copy!));
  }

  /** For the timer alone. */
  silent(): void {
    if (!this.isFull) this.write(KEEP_ALIVE);
    this.silence.refresh();
  }

  /** For the timer alone. */
  giveUp(): void {
    this.response.destroy();
  }

  private write(text: string): void {
    if (this.isOver || this.response.destroyed) return;
    this.copy?.piece(text);
    this.silence.refresh();
    const { socket } = this;
    const takesMore = socket === null ? this.writeFirst(text) : socket.write(framed(text));
    if (!takesMore && !this.isFull) this.hold();
  }

  /** The headers go out with it. */
  private writeFirst(text: string): boolean {
    const { response } = this;
    const takesMore = response.write(text);
    if (response.chunkedEncoding) this.socket = response.socket;
    return takesMore;
  }

  private hold(): void {
    this.isFull = true;
    this.answer.pause();
    // one timer and one listener, however often it is full; also where the answer is over, as what is written waits
    if (this.readerIdle === null) this.response.once('close', () => clearTimeout(this.readerIdle ?? undefined));
    this.readerIdle = setTimeout(giveUp, this.readerIdleMs, this).unref();
    (this.socket ?? this.response).once('drain', () => {
      clearTimeout(this.readerIdle ?? undefined);
      this.isFull = false;
      if (!this.isOver) this.answer.resume();
    });
  }

  /** Kept before the last piece goes out: whoever has seen the end finds the answer. */
  private async finishCopied(copy: StreamCopy): Promise<void> {
    await copy.last(DONE);
    this.finish(DONE);
  }

  private finish(text: string): void {
    const { response, socket } = this;
    if (response.destroyed) return;
    if (socket === null) {
      response.end(text);
      return;
    }
    socket.cork(); // one write
    socket.write(framed(text));
    response.end();
    socket.uncork();
  }

  private stop(): void {
    this.isOver = true;
    clearTimeout(this.silence);
  }
}

/** A chunk of the chunked encoding (RFC 9112 section 7.1). */
const framed = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/**
 * A whole body has been written: its reader may take as long as it takes some of it every 30 s.
 *
 * @param readerIdleMs milliseconds in which nothing more leaves the socket
 */
export function giveUpIdleReader(response: ServerResponse, readerIdleMs = READER_IDLE_MS): void {
  if (response.writableLength > 0) response.setTimeout(readerIdleMs, () => response.destroy());
}

const ignore = (): void => undefined;
const keepAlive = (writer: SseWriter): void => writer.silent();
const giveUp = (writer: SseWriter): void => writer.giveUp();

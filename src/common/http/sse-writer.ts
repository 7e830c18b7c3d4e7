import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, InternalError } from '../app-error.js';
import { BackgroundWork } from '../background-work.js';
import type { ChatChunk } from '../chat.js';
import type { ChunkSink, Flow } from '../chunk-stream.js';
import type { StreamCopy } from './idempotent.decorator.js';

const background = new BackgroundWork('http');

const KEEP_ALIVE_MS = 15_000;
/** A caller who takes nothing for so long is not waited for: its upstream call and its slot are somebody else's turn. */
const READER_IDLE_MS = 30_000;

/** A comment: says nothing in every protocol on server-sent events. */
export const KEEP_ALIVE_COMMENT = ': keep-alive\n\n';

/** An answer that can be handed out. */
export interface Relayed extends Flow {
  relay(sink: ChunkSink): void;
}

/** How an answer looks as server-sent events, in the words of one protocol. Does no I/O; of one answer alone. */
export interface StreamForm {
  /** What goes out after 15 s of silence. */
  readonly keepAlive: string;
  /** The events that a chunk makes, as text; '' = none. */
  chunk(chunk: ChatChunk): string;
  /** The answer is complete: the last events. Called once. */
  end(): string;
  /** It broke off: the last events. Called once. */
  error(error: AppError): string;
}

/**
 * Writes an answer as server-sent events to a response whose headers are set, one write a read of the model server. An
 * error becomes the last event. A socket that is full holds the model server up, so that nothing piles up here. Says that it
 * is there after 15 s of silence, and gives up a reader who takes nothing for 30 s.
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
   * @param copy `null` where nobody keeps the answer
   * @param readerIdleMs milliseconds a full socket may wait for the reader
   */
  constructor(
    private readonly response: ServerResponse,
    private readonly answer: Relayed,
    private readonly form: StreamForm,
    private readonly copy: StreamCopy | null = null,
    private readonly readerIdleMs = READER_IDLE_MS,
  ) {
    this.silence = setTimeout(keepAlive, KEEP_ALIVE_MS, this).unref();
    response.on('error', ignore); // who writes to a connection that has just closed is told by its close
    answer.relay(this);
  }

  chunk(chunk: ChatChunk): void {
    const text = this.form.chunk(chunk);
    if (text !== '') this.write(text);
  }

  end(error: unknown): void {
    if (this.isOver) return;
    this.stop();
    if (error !== null) {
      this.copy?.broken();
      const shown =
        error instanceof AppError ? error : new InternalError('The router failed in the middle of the answer.');
      this.finish(this.form.error(shown));
      return;
    }
    const last = this.form.end();
    const { copy } = this;
    if (copy === null) this.finish(last);
    else background.launch('keeping a stream', () => this.finishCopied(copy, last));
  }

  /** For the timer alone. */
  silent(): void {
    if (!this.isFull) this.write(this.form.keepAlive);
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
  private async finishCopied(copy: StreamCopy, last: string): Promise<void> {
    await copy.last(last);
    this.finish(last);
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

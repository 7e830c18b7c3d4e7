import { isUsageOnly, type ChatChunk, type ChatFrame, type Completion } from '../../common/chat.js';

/** A stream is so many times as long as the text that comes of it: each token has a frame of its own. */
const WIRE_OF_TEXT = 16;

/** What all running answers together may keep. */
export interface SharedRoom {
  /** Keeps so many characters more (or fewer) of running answers. @returns whether there is room for them */
  hold(characters: number): boolean;
}

/**
 * What has come of a stream, as text for those who join later. No list of chunks: objects that live until their stream ends
 * have V8 make all of their kind in the old space (docs/adr/0020).
 */
export class StreamSoFar {
  /** `null` = nobody can join any more. */
  private said: string | null;
  /** The usage that came in a frame of its own, which not everybody wants. */
  private usage: ChatFrame | null = null;

  /** @param isOpen whether somebody may join @param mostBytes of the text that may be kept */
  constructor(
    private readonly room: SharedRoom,
    private readonly mostBytes: number,
    isOpen: boolean,
  ) {
    this.said = isOpen ? '' : null;
  }

  get isOpen(): boolean {
    return this.said !== null;
  }

  add({ frames }: ChatChunk): void {
    if (this.said === null) return;
    const before = this.said.length;
    let { said } = this;
    for (const frame of frames) {
      if (frame.wire !== undefined) said += frame.wire;
      else if (isUsageOnly(frame)) this.usage = frame;
      else said += `data: ${frame.text}\n\n`;
    }
    this.said = said;
    const hasRoom = this.room.hold(said.length - before);
    // one that is too large to be kept is given from its beginning to nobody else
    if (!hasRoom || said.length > this.mostBytes * WIRE_OF_TEXT) this.close();
  }

  /** @returns `null` where nothing has come */
  chunk(): ChatChunk | null {
    if (!this.said) return null;
    const said = new SaidBefore(this.said);
    return { frames: this.usage ? [said, this.usage] : [said] };
  }

  close(): void {
    if (this.said === null) return;
    this.room.hold(-this.said.length);
    this.said = null;
  }
}

/** The events of a stream that came before somebody joined it. */
class SaidBefore implements ChatFrame {
  readonly json: Completion = {};

  constructor(readonly wire: string) {}

  get text(): string {
    return this.wire;
  }
}

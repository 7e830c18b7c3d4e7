import type { ChatChunk } from '../../../common/chat.js';
import { PushedStream } from './pushed-stream.js';

const chunk = (text: string): ChatChunk => ({ frames: [{ text, json: {} }] });

/** A source that does what it is told. */
class Source extends PushedStream {
  readonly wanted: boolean[] = [];

  async return() {
    this.end(null);
    return { done: true as const, value: undefined };
  }

  say(text: string): void {
    this.put(chunk(text));
  }

  finish(error: unknown = null): void {
    this.end(error);
  }

  protected want(more: boolean): void {
    this.wanted.push(more);
  }
}

/** Notes what it is told; `failing` throws at that chunk. */
function sink(failing = '') {
  const told: unknown[] = [];
  return {
    told,
    chunk: ({ frames }: ChatChunk) => {
      told.push(frames[0]!.text);
      if (frames[0]!.text === failing) throw new TypeError('a fault of the sink');
    },
    end: (error: unknown) => told.push(error),
  };
}

describe('PushedStream', () => {
  it('is pulled first and relayed from then on, in order', async () => {
    const source = new Source();
    const first = source.next();
    source.say('a');
    source.say('b');
    expect((await first).value).toEqual(chunk('a'));
    const reader = sink();
    source.relay(reader);
    source.say('c');
    source.finish();
    expect(reader.told).toEqual(['b', 'c', null]);
  });

  it('keeps what comes while it is paused, and holds the source up', () => {
    const source = new Source();
    const reader = sink();
    source.relay(reader);
    source.pause();
    source.say('a');
    source.finish(new Error('cut'));
    expect(reader.told).toEqual([]);
    expect(source.wanted.at(-1)).toBe(false);
    source.resume();
    expect(reader.told).toEqual(['a', new Error('cut')]);
  });

  it('tells its end once, whatever is paused and resumed afterwards', () => {
    const source = new Source();
    const reader = sink();
    source.relay(reader);
    source.finish();
    source.pause();
    source.resume();
    expect(reader.told).toEqual([null]);
  });

  it('ends for a sink that fails while it is resumed', () => {
    const source = new Source();
    const reader = sink('a');
    source.relay(reader);
    source.pause();
    source.say('a');
    source.resume();
    expect(reader.told).toEqual(['a', new TypeError('a fault of the sink')]);
  });

  it('rejects a pull that was waiting for what broke off', async () => {
    const source = new Source();
    const pull = source.next();
    source.finish(new Error('cut'));
    await expect(pull).rejects.toThrow('cut');
    await expect(source.next()).rejects.toThrow('cut');
  });
});

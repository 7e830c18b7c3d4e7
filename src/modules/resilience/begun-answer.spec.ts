import type { Attempt } from '../../common/attempt.js';
import type { ChatChunk } from '../../common/chat.js';
import type { ChunkSink } from '../../common/chunk-stream.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import type { ModelStream } from '../models/models.messages.js';
import { BegunAnswer } from './begun-answer.js';
import { FakeAttempts, targetNamed } from './fake-attempts.fixture.js';

const chunk = (content: string): ChatChunk => ({
  frames: [{ text: content, json: { choices: [{ index: 0, delta: { content } }] } }],
});

/** A stream that does what it is told. */
class Source implements ModelStream {
  readonly upstreamMs = 0;
  readonly isSent = true;
  readonly told: string[] = [];
  private sink!: ChunkSink;

  relay(sink: ChunkSink): void {
    this.sink = sink;
  }

  pause(): void {
    this.told.push('pause');
  }

  resume(): void {
    this.told.push('resume');
  }

  abandon(): void {
    this.told.push('abandon');
  }

  say(content: string): void {
    this.sink.chunk(chunk(content));
  }

  finish(error: unknown = null): void {
    this.sink.end(error);
  }
}

/** Notes what it is told. */
function reader(onChunk = (): void => undefined) {
  const told: unknown[] = [];
  return {
    told,
    chunk: ({ frames }: ChatChunk) => {
      told.push(frames[0]!.text);
      onChunk();
    },
    end: (error: unknown) => told.push(error),
  };
}

describe('BegunAnswer', () => {
  let source: Source;
  let attempt: Attempt;
  let answer: BegunAnswer;
  beforeEach(() => {
    const { guards, calls } = new FakeAttempts([], {});
    source = new Source();
    attempt = calls.attempts.begin('a');
    answer = new BegunAnswer({ target: targetNamed('a'), attempt, guards, whole: false, beforeMs: 0 }, source);
  });

  it('has begun with its first content, and is relayed from its beginning, in order', async () => {
    source.say('');
    source.say('a');
    await answer.begun;
    const sink = reader();
    answer.relay(sink);
    source.say('b');
    source.finish();
    expect(sink.told).toEqual(['', 'a', 'b', null]);
  });

  it('keeps what comes before it is read, and holds the server up', () => {
    const cut = new UpstreamFailure('cut', 'gone');
    source.say('a');
    source.say('b');
    source.finish(cut);
    expect([source.told, attempt.outcome]).toEqual([['pause'], 'ok']);
    const sink = reader();
    answer.relay(sink);
    expect(sink.told).toEqual(['a', 'b', cut]);
    expect(attempt.outcome).toBe('cut');
  });

  it('lets the server go on when it is read, unless the reader is full by then', () => {
    source.say('a');
    source.say('b');
    answer.relay(reader(() => answer.pause()));
    expect(source.told).not.toContain('resume');
    answer.resume();
    expect(source.told.at(-1)).toBe('resume');
  });

  it('tells its end once, whatever is paused and resumed afterwards', () => {
    source.say('a');
    const sink = reader();
    answer.relay(sink);
    source.finish();
    answer.pause();
    answer.resume();
    answer.abandon();
    expect(sink.told).toEqual(['a', null]);
    expect([source.told.includes('abandon'), attempt.outcome]).toEqual([false, 'ok']);
  });

  it('never begins where the call breaks off before', async () => {
    source.say('');
    source.finish(new Error('cut'));
    await expect(answer.begun).rejects.toThrow('cut');
  });

  it('is told to nobody once it is given up', () => {
    source.say('a');
    answer.abandon();
    answer.abandon();
    const sink = reader();
    answer.relay(sink);
    source.finish();
    expect([sink.told, source.told, attempt.outcome]).toEqual([['a'], ['abandon'], 'aborted']);
  });
});

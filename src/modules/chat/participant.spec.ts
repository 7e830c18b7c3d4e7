import { AttemptLog } from '../../common/attempt.js';
import type { ChatChunk } from '../../common/chat.js';
import type { ChatAsk } from './chat.messages.js';
import { NO_CHARGE } from './given-answer.js';
import { Participant, type Course } from './participant.js';

const chunkOf = (text: string): ChatChunk => ({ frames: [{ text, json: {} }] });

/** A stream that is made by hand. */
class HandMadeCourse implements Course {
  readonly isStream = true;
  readonly isShared = true;
  isOver = false;
  error: unknown = null;
  readonly completion = null;
  readonly found = null;
  readonly model = null;
  readonly decision = null;
  readonly attempts = new AttemptLog();
  readonly trace = null;
  readonly elapsedMs = 0;
  regulated = 0;

  wholeAs(): ChatChunk[] {
    return [];
  }

  isAlone(): boolean {
    return true;
  }

  isLed(): boolean {
    return true;
  }

  isPaidBy(): boolean {
    return true;
  }

  abort(): void {
    this.isOver = true;
  }

  regulate(): void {
    this.regulated += 1;
  }

  usage(): null {
    return null;
  }

  costUsd(): null {
    return null;
  }

  leave(): typeof NO_CHARGE {
    return NO_CHARGE;
  }
}

function begun() {
  const course = new HandMadeCourse();
  const ask = { request: { model: 'auto', messages: [], stream: true }, signal: new AbortController().signal };
  const part = new Participant(course, ask as unknown as ChatAsk, true);
  const got: unknown[] = [];
  const sink = {
    chunk: ({ frames }: ChatChunk) => void got.push(...frames.map(({ text }) => text)),
    end: (error: unknown) => void got.push(['end', error]),
  };
  const say = (...texts: string[]): void => {
    for (const text of texts) part.take(chunkOf(text));
  };
  const finish = (error: unknown = null): void => {
    course.isOver = true;
    course.error = error;
    part.over();
  };
  return { course, part, sink, got, say, finish };
}

describe("one request's part in a stream", () => {
  it('gets what was said before it read, and then what comes', () => {
    const { part, sink, got, say, finish } = begun();
    say('a', 'b');
    part.relay(sink);
    say('c');
    finish();
    expect(got).toEqual(['a', 'b', 'c', ['end', null]]);
  });

  it('gets nothing while it is paused, not even the end, and all of it in order afterwards', () => {
    const { course, part, sink, got, say, finish } = begun();
    part.relay(sink);
    say('a');
    part.pause();
    say('b', 'c');
    finish(new Error('cut'));
    expect(got).toEqual(['a']);
    part.resume();
    expect(got).toEqual(['a', 'b', 'c', ['end', new Error('cut')]]);
    expect(course.regulated).toBe(2);
  });

  it('stops in the middle of what there is when its reader is full again', () => {
    const { part, got, sink, say } = begun();
    say('a', 'b', 'c');
    part.relay({ ...sink, chunk: (chunk) => (sink.chunk(chunk), part.pause()) });
    expect(got).toEqual(['a']);
    part.resume();
    expect(got).toEqual(['a', 'b']);
  });

  it('is told nothing more once it is of no interest, and its end once', () => {
    const { part, got, sink, say, finish } = begun();
    part.relay(sink);
    say('a');
    finish();
    finish();
    expect(got).toEqual(['a', ['end', null]]);
    const other = begun();
    other.part.relay(other.sink);
    other.part.abandon();
    other.say('a');
    other.finish();
    expect(other.got).toEqual([]);
  });
});

import { Module } from '@nestjs/common';
import { CqrsModule, EventBus, EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { createJsonLogger } from '../logging/json-logger.js';
import { MessagingModule } from './messaging.module.js';

class Happened {
  constructor(
    readonly what: string,
    readonly chat = { requestId: 'r1', secret: 'content' },
  ) {}
}
class Unheard {}

const seen: string[] = [];

@EventsHandler(Happened)
class First implements IEventHandler<Happened> {
  handle({ what }: Happened): void {
    seen.push(`first ${what}`);
    if (what === 'bad') throw new Error('thrown');
  }
}

@EventsHandler(Happened)
class Second implements IEventHandler<Happened> {
  async handle({ what }: Happened): Promise<void> {
    seen.push(`second ${what}`);
    await Promise.resolve();
    if (what === 'bad') throw new Error('rejected');
  }
}

@Module({ imports: [CqrsModule, MessagingModule], providers: [First, Second] })
class Application {}

describe('MessagingModule', () => {
  let app: TestingModule;

  beforeEach(async () => {
    seen.length = 0;
    app = await Test.createTestingModule({ imports: [Application] }).compile();
    await app.init();
  });
  afterEach(() => app.close());

  it('hands an event to every handler, once, before publish returns', () => {
    app.get(EventBus).publish(new Happened('now'));
    expect(seen).toEqual(['first now', 'second now']);
  });

  it('lets nobody fail for another, and logs each failure with the name of the event, not its content', async () => {
    const lines: string[] = [];
    app.useLogger(createJsonLogger({ write: (line) => void lines.push(line), flush: async () => undefined }, 'info'));
    app.get(EventBus).publish(new Happened('bad'));
    await new Promise(setImmediate);
    expect(seen).toEqual(['first bad', 'second bad']);
    const line = { level: 'error', context: 'events', event: 'Happened', request_id: 'r1' };
    expect(lines.map((text) => JSON.parse(text))).toEqual(
      ['thrown', 'rejected'].map((message) => ({
        ...line,
        time: expect.any(String),
        err: expect.objectContaining({ message }),
        msg: 'an event handler failed',
      })),
    );
  });

  it('takes an event that nobody handles', () => {
    expect(() => app.get(EventBus).publish(new Unheard())).not.toThrow();
  });
});

import { Module } from '@nestjs/common';
import {
  CqrsModule,
  EventBus,
  EventsHandler,
  Query,
  QueryBus,
  QueryHandler,
  type IEventHandler,
  type IQueryHandler,
} from '@nestjs/cqrs';
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

class AskQuery extends Query<string> {
  constructor(readonly what: string) {
    super();
  }
}
class UnansweredQuery extends Query<string> {}

@QueryHandler(AskQuery)
class AskHandler implements IQueryHandler<AskQuery> {
  async execute({ what }: AskQuery): Promise<string> {
    if (what === 'bad') throw new Error('refused');
    return `answer to ${what}`;
  }
}

@Module({ imports: [CqrsModule, MessagingModule], providers: [First, Second, AskHandler] })
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

  it('has a query answered, or fails as its handler or, where there is none, as the library does', async () => {
    const queries = app.get(QueryBus);
    await expect(queries.execute(new AskQuery('this'))).resolves.toBe('answer to this');
    await expect(queries.execute(new AskQuery('bad'))).rejects.toThrow('refused');
    await expect(queries.execute(new UnansweredQuery())).rejects.toThrow('UnansweredQuery');
  });
});

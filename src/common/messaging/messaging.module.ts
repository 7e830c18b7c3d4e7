import { Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { CommandBus, CqrsModule, EventBus, QueryBus, type IEvent, type IEventPublisher } from '@nestjs/cqrs';
import { LineLimit } from '../logging/line-limit.js';

/** Where the decorators of handlers keep the classes of their messages (@nestjs/cqrs 12, `decorators/constants.ts`). */
const HANDLED_EVENTS = '__eventsHandler__';
const HANDLED_COMMAND = '__commandHandler__';
const HANDLED_QUERY = '__queryHandler__';

interface EventReceiver {
  handle(event: IEvent): unknown;
}

interface Executor {
  execute(message: object): Promise<unknown>;
}

/**
 * Hands an event to its handlers by plain calls, in order of registration. The bus's own way builds an observable for
 * every handler of every event, which cost more than the handlers themselves (docs/adr/0003). What stays the same: a
 * handler runs inside `publish()` until its first await, and its publisher does not hear of its error. That is logged,
 * with the names of the event and its request, never the event's content.
 */
class DirectEventPublisher implements IEventPublisher {
  private readonly logger = new Logger('events');
  private readonly lines = new LineLimit('events');

  /** @param receivers who handles the events of a class */
  constructor(private readonly receivers: ReadonlyMap<object, readonly EventReceiver[]>) {}

  publish<T extends IEvent>(event: T): void {
    for (const receiver of this.receivers.get(event.constructor) ?? []) {
      try {
        const result = receiver.handle(event);
        // eslint-disable-next-line no-restricted-syntax -- the owner of what handlers do, as cheap as it gets
        if (result instanceof Promise) result.catch((error: unknown) => this.report(event, error));
      } catch (error) {
        this.report(event, error);
      }
    }
  }

  private report(event: IEvent, err: unknown): void {
    const { chat } = event as { readonly chat?: { readonly requestId?: string } };
    const { name } = event.constructor;
    const isTold = this.lines.allows(`failures of a handler of ${name}`);
    this.logger[isTold ? 'error' : 'debug'](
      { event: name, request_id: chat?.requestId, err },
      'an event handler failed',
    );
  }
}

/**
 * Commands and queries by a look-up of their class. The bus reads metadata of every message twice, tells an observable
 * that nobody has subscribed to, and makes a promise around the handler's (docs/adr/0003).
 */
function executeDirectly(bus: CommandBus | QueryBus, executors: ReadonlyMap<unknown, Executor>): void {
  const byLibrary: Executor['execute'] = bus.execute.bind(bus);
  const execute: Executor['execute'] = (message) => {
    const executor = executors.get(message.constructor);
    return executor ? executor.execute(message) : byLibrary(message);
  };
  Object.defineProperty(bus, 'execute', { value: execute, writable: true });
}

/** The buses of the application, with messages handed over directly. */
@Module({ imports: [CqrsModule, DiscoveryModule] })
export class MessagingModule implements OnApplicationBootstrap {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly events: EventBus,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  onApplicationBootstrap(): void {
    const receivers = new Map<object, EventReceiver[]>();
    const executors = new Map<unknown, Executor>();
    for (const { instance, metatype } of this.discovery.getProviders()) {
      if (!metatype || !instance) continue;
      const handled = (Reflect.getMetadata(HANDLED_EVENTS, metatype) ?? []) as object[];
      for (const event of handled) receivers.set(event, [...(receivers.get(event) ?? []), instance as EventReceiver]);
      const message: unknown =
        Reflect.getMetadata(HANDLED_COMMAND, metatype) ?? Reflect.getMetadata(HANDLED_QUERY, metatype);
      if (message) executors.set(message, instance as Executor);
    }
    this.events.publisher = new DirectEventPublisher(receivers);
    executeDirectly(this.commands, executors);
    executeDirectly(this.queries, executors);
  }
}

import { Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { CqrsModule, EventBus, type IEvent, type IEventPublisher } from '@nestjs/cqrs';

/** Where `@EventsHandler(...)` keeps its event classes (@nestjs/cqrs 12, `EVENTS_HANDLER_METADATA`). */
const HANDLED_EVENTS = '__eventsHandler__';

interface EventReceiver {
  handle(event: IEvent): unknown;
}

/**
 * Hands an event to its handlers by plain calls, in order of registration. The bus's own way builds an observable for
 * every handler of every event, which cost more than the handlers themselves (docs/adr/0003). What stays the same: a
 * handler runs inside `publish()` until its first await, and its publisher does not hear of its error. That is logged,
 * with the names of the event and its request, never the event's content.
 */
class DirectEventPublisher implements IEventPublisher {
  private readonly logger = new Logger('events');

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
    this.logger.error({ event: event.constructor.name, request_id: chat?.requestId, err }, 'an event handler failed');
  }
}

/** The buses of the application, with events handed over directly. */
@Module({ imports: [CqrsModule, DiscoveryModule] })
export class MessagingModule implements OnApplicationBootstrap {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly events: EventBus,
  ) {}

  onApplicationBootstrap(): void {
    const receivers = new Map<object, EventReceiver[]>();
    for (const { instance, metatype } of this.discovery.getProviders()) {
      if (!metatype || !instance) continue;
      const handled = (Reflect.getMetadata(HANDLED_EVENTS, metatype) ?? []) as object[];
      for (const event of handled) receivers.set(event, [...(receivers.get(event) ?? []), instance as EventReceiver]);
    }
    this.events.publisher = new DirectEventPublisher(receivers);
  }
}

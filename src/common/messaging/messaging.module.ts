import { Module, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { CqrsModule, EventBus, UnhandledExceptionBus } from '@nestjs/cqrs';
import { DirectEventPublisher, type EventReceiver } from './direct-event-publisher.js';

/** Where `@EventsHandler(...)` keeps its event classes (@nestjs/cqrs 12, `EVENTS_HANDLER_METADATA`). */
const HANDLED_EVENTS = '__eventsHandler__';

/** The buses of the application, with events handed over directly. */
@Module({ imports: [CqrsModule, DiscoveryModule] })
export class MessagingModule implements OnApplicationBootstrap {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly events: EventBus,
    private readonly failures: UnhandledExceptionBus,
  ) {}

  onApplicationBootstrap(): void {
    const receivers = new Map<object, EventReceiver[]>();
    for (const { instance, metatype } of this.discovery.getProviders()) {
      if (!metatype || !instance) continue;
      const handled = (Reflect.getMetadata(HANDLED_EVENTS, metatype) ?? []) as object[];
      for (const event of handled) receivers.set(event, [...(receivers.get(event) ?? []), instance as EventReceiver]);
    }
    this.events.publisher = new DirectEventPublisher(receivers, this.failures);
  }
}

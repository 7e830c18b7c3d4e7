import type { IEvent, IEventPublisher, UnhandledExceptionBus } from '@nestjs/cqrs';

export interface EventReceiver {
  handle(event: IEvent): unknown;
}

/** Classes of events and who handles them. */
export type EventReceivers = ReadonlyMap<object, readonly EventReceiver[]>;

/**
 * Hands an event to its handlers by plain calls, in order of registration. The bus's own way builds an observable for
 * every handler of every event, which cost more than the handlers themselves (docs/adr/0003). What stays the same: a
 * handler runs inside `publish()` until its first await, and its error goes to the `UnhandledExceptionBus` alone.
 */
export class DirectEventPublisher implements IEventPublisher {
  constructor(
    private readonly receivers: EventReceivers,
    private readonly failures: UnhandledExceptionBus,
  ) {}

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

  private report(cause: IEvent, exception: unknown): void {
    this.failures.publish({ cause, exception });
  }
}

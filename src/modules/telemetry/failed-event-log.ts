import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { UnhandledExceptionBus } from '@nestjs/cqrs';
import type { Subscription } from 'rxjs';

/**
 * Logs event handlers that threw: their publisher does not hear of it, and a failed cache fill or quota settle-up would
 * be silent. The line names the event and its request, never the event's content.
 */
@Injectable()
export class FailedEventLog implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger('events');
  private subscription: Subscription | undefined;

  constructor(private readonly failures: UnhandledExceptionBus) {}

  onModuleInit(): void {
    this.subscription = this.failures.subscribe(({ cause, exception }) => {
      const { requestId } = cause as { requestId?: string };
      const err: unknown = exception;
      const fields = { event: cause.constructor.name, request_id: requestId, err };
      this.logger.error(fields, 'an event handler failed');
    });
  }

  onModuleDestroy(): void {
    this.subscription?.unsubscribe();
  }
}

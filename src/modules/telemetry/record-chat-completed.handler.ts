import { Logger } from '@nestjs/common';
import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { ChatCompletedEvent } from '../chat/chat.messages.js';
import { KnownModels } from './known-models.js';
import { RouterMetrics } from './metrics.js';
import { levelOf, requestLine } from './request-line.js';
import { spendingOf } from './spending.js';
import { RequestTraces } from './request-traces.js';
import { UsageLedger } from './usage-ledger.js';

/** A request ended: its log line, its metrics, its tenant's usage, its trace. Runs inside `publish()`, so it stays a few us. */
@EventsHandler(ChatCompletedEvent)
export class RecordChatCompletedHandler implements IEventHandler<ChatCompletedEvent> {
  private readonly logger = new Logger('requests');

  constructor(
    private readonly models: KnownModels,
    private readonly metrics: RouterMetrics,
    private readonly ledger: UsageLedger,
    private readonly traces: RequestTraces,
  ) {}

  handle({ chat }: ChatCompletedEvent): void {
    const requested = this.models.requested(chat.requestedModel);
    const answered = chat.route && this.models.answered(chat.route.model);
    this.logger[levelOf(chat)](requestLine(chat, requested, answered), 'request');
    const spent = spendingOf(chat);
    this.ledger.record(chat.caller.tenant, spent);
    this.metrics.recordChat(chat, requested, spent);
    this.traces.record(chat, requested, answered);
  }
}

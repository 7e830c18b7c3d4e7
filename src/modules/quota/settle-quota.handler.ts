import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { ChatCompletedEvent } from '../chat/chat.messages.js';
import { QuotaLedger } from './quota-ledger.js';

/** Settles what was taken in advance; the request itself stays counted. */
@EventsHandler(ChatCompletedEvent)
export class SettleQuotaHandler implements IEventHandler<ChatCompletedEvent> {
  constructor(private readonly ledger: QuotaLedger) {}

  async handle({ chat }: ChatCompletedEvent): Promise<void> {
    const { lease, billed } = chat;
    if (lease.id !== null) await this.ledger.settle(lease.accounts, lease.id, billed);
  }
}

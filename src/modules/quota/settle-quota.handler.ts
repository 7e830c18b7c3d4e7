import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { ChatCompletedEvent } from '../chat/chat.messages.js';
import { MemoryQuotaLedger } from './memory-quota-ledger.js';

/**
 * Tokens a request really took from the models; `null` = an answer whose server did not count. A cached answer took
 * none, and neither did a request that failed or was aborted before anything was counted.
 */
function usedTokens({ outcome, usage, cache }: ChatCompletedEvent): number | null {
  if (cache.result === 'HIT') return 0;
  if (usage) return usage.total_tokens;
  return outcome === 'answered' ? null : 0;
}

/** Settles what was taken in advance; the request itself stays counted. */
@EventsHandler(ChatCompletedEvent)
export class SettleQuotaHandler implements IEventHandler<ChatCompletedEvent> {
  constructor(private readonly ledger: MemoryQuotaLedger) {}

  handle(event: ChatCompletedEvent): void {
    if (event.quotaLeaseId === null) return;
    this.ledger.settle(event.quotaLeaseId, usedTokens(event));
    if (event.costUsd !== null) this.ledger.book(event.caller, event.costUsd);
  }
}

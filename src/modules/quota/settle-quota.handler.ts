import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { ChatCompletedEvent } from '../chat/chat.messages.js';
import { QuotaLedger } from './quota-ledger.js';

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
  constructor(private readonly ledger: QuotaLedger) {}

  async handle(event: ChatCompletedEvent): Promise<void> {
    if (event.quotaLeaseId === null) return;
    const used = { tokens: usedTokens(event), usd: event.costUsd };
    await this.ledger.settle(event.caller, event.quotaLeaseId, used);
  }
}

import { Injectable } from '@nestjs/common';
import type { CompletedChat } from '../chat/chat.messages.js';

/** What requests used up: tokens, and USD. */
export interface Spending {
  prompt_tokens: number;
  completion_tokens: number;
  cost_usd: number;
}

/** What one tenant used since this replica started, as it is shown. */
export interface TenantUsage extends Spending {
  tenant: string;
  /** All that ended, failed ones included. */
  requests: number;
}

/** Digits of a USD amount that mean something; sums of doubles have more. */
const USD_DECIMALS = 9;
const NOTHING: Readonly<Spending> = { prompt_tokens: 0, completion_tokens: 0, cost_usd: 0 };

/**
 * What a request really used. Failed ones, and answers that were made before or for somebody
 * else, used nothing; an answer that was cut or abandoned
 * used what was received of it. What is unknown counts nothing.
 */
export function spendingOf({ outcome, pays, usage, costUsd }: CompletedChat): Readonly<Spending> {
  if (outcome === 'failed' || !pays) return NOTHING;
  return {
    prompt_tokens: usage?.prompt_tokens ?? 0,
    completion_tokens: usage?.completion_tokens ?? 0,
    cost_usd: costUsd ?? 0,
  };
}

/** Usage by tenant since this replica started. Tenants come from credentials, so there are few. */
@Injectable()
export class UsageLedger {
  private readonly tenants = new Map<string, TenantUsage>();

  record(tenant: string, spent: Readonly<Spending>): void {
    let totals = this.tenants.get(tenant);
    if (!totals) this.tenants.set(tenant, (totals = { tenant, requests: 0, ...NOTHING }));
    totals.requests += 1;
    totals.prompt_tokens += spent.prompt_tokens;
    totals.completion_tokens += spent.completion_tokens;
    totals.cost_usd += spent.cost_usd;
  }

  /** Sorted by tenant; `null` means all of them. A tenant that asked nothing yet has no entry. */
  report(tenant: string | null): TenantUsage[] {
    return [...this.tenants.values()]
      .filter((totals) => tenant === null || totals.tenant === tenant)
      .sort((a, b) => (a.tenant < b.tenant ? -1 : 1))
      .map((totals) => ({ ...totals, cost_usd: Number(totals.cost_usd.toFixed(USD_DECIMALS)) }));
  }
}

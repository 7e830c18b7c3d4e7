import { Injectable } from '@nestjs/common';
import type { CompletedChat } from '../chat/chat.messages.js';

/** What requests used up: tokens, and USD. */
export interface Spending {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costUsd: number;
}

/** What one tenant used since this replica started. */
export interface TenantUsage extends Spending {
  readonly tenant: string;
  readonly requests: number;
}

type Totals = { -readonly [Field in keyof TenantUsage]: TenantUsage[Field] };

const NOTHING: Spending = { promptTokens: 0, completionTokens: 0, costUsd: 0 };

/**
 * What a request really used. Failed ones and answers from the cache used nothing; an answer that was cut or abandoned
 * used what was received of it. What is unknown counts nothing.
 */
export function spendingOf({ outcome, cache, usage, costUsd }: CompletedChat): Spending {
  if (outcome === 'failed' || cache.result === 'HIT') return NOTHING;
  return {
    promptTokens: usage?.prompt_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? 0,
    costUsd: costUsd ?? 0,
  };
}

/** Usage by tenant since this replica started. Tenants come from credentials, so there are few. */
@Injectable()
export class UsageLedger {
  private readonly tenants = new Map<string, Totals>();

  record(tenant: string, { promptTokens, completionTokens, costUsd }: Spending): void {
    const totals = this.totalsOf(tenant);
    totals.requests += 1;
    totals.promptTokens += promptTokens;
    totals.completionTokens += completionTokens;
    totals.costUsd += costUsd;
  }

  /** Sorted by tenant; `null` means all of them. A tenant that asked nothing yet has no entry. */
  report(tenant: string | null): readonly TenantUsage[] {
    return [...this.tenants.values()]
      .filter((totals) => tenant === null || totals.tenant === tenant)
      .sort((a, b) => (a.tenant < b.tenant ? -1 : 1));
  }

  private totalsOf(tenant: string): Totals {
    let totals = this.tenants.get(tenant);
    if (!totals) this.tenants.set(tenant, (totals = { tenant, requests: 0, ...NOTHING }));
    return totals;
  }
}

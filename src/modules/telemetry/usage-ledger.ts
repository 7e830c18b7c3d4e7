import { Injectable } from '@nestjs/common';
import type { Spending } from './spending.js';
import type { TenantUsage } from './telemetry.messages.js';

type Totals = { -readonly [Field in keyof TenantUsage]: TenantUsage[Field] };

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
      .map((totals) => ({ ...totals }))
      .sort((a, b) => (a.tenant < b.tenant ? -1 : 1));
  }

  private totalsOf(tenant: string): Totals {
    let totals = this.tenants.get(tenant);
    if (!totals) {
      totals = { tenant, requests: 0, promptTokens: 0, completionTokens: 0, costUsd: 0 };
      this.tenants.set(tenant, totals);
    }
    return totals;
  }
}

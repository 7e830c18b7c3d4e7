import { Query } from '@nestjs/cqrs';

/** What one tenant used since this replica started. */
export interface TenantUsage {
  readonly tenant: string;
  readonly requests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costUsd: number;
}

/** Usage by tenant, for `GET /admin/usage`; `tenant` null means all of them. */
export class ReportUsageQuery extends Query<readonly TenantUsage[]> {
  constructor(readonly tenant: string | null) {
    super();
  }
}

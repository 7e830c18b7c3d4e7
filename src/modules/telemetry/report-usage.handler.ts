import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ReportUsageQuery, type TenantUsage } from './telemetry.messages.js';
import { UsageLedger } from './usage-ledger.js';

@QueryHandler(ReportUsageQuery)
export class ReportUsageHandler implements IQueryHandler<ReportUsageQuery> {
  constructor(private readonly ledger: UsageLedger) {}

  async execute({ tenant }: ReportUsageQuery): Promise<readonly TenantUsage[]> {
    return this.ledger.report(tenant);
  }
}

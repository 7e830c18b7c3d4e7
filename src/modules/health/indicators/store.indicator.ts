import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import type { StoreCheck } from '../../../common/store-check.js';
import { LATE, type PartData, type PartIndicator } from './check.js';
import type { RecentStores } from './recent-stores.js';

/** A store that may be configured. One that is away degrades the service: requests are still answered. */
export class StoreIndicator implements PartIndicator {
  /** Whether it is configured, which a running service does not change; `null` until the stores have said so. */
  private isUsed: boolean | null = null;

  constructor(
    readonly part: 'redis' | 'cosmos' | 'tables',
    private readonly indicators: HealthIndicatorService,
    private readonly stores: RecentStores,
  ) {}

  async check(): Promise<HealthIndicatorResult> {
    const stores = await this.stores.read();
    if (stores) this.isUsed = stores[this.part] !== null;
    const check = this.indicators.check(this.part);
    if (!this.isUsed) return check.up({ detail: 'not configured', disabled: true } satisfies PartData);
    const found = stores?.[this.part] ?? null;
    return found?.healthy ? check.up(dataOf(found)) : check.degraded(dataOf(found));
  }
}

/** @param check `null` when nobody said anything in time */
export function dataOf(check: StoreCheck | null): PartData {
  if (!check) return { detail: LATE };
  const { detail, at, tookMs } = check;
  return { detail, ...(at === undefined ? {} : { at }), ...(tookMs === undefined ? {} : { tookMs }) };
}

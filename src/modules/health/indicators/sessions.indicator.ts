import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { LiveConfig } from '../../../common/config/live-config.js';
import type { PartIndicator } from './check.js';
import { RecentStores } from './recent-stores.js';
import { dataOf } from './store.indicator.js';

/** Whether turns are kept. Answers that nobody keeps are what the configuration may not want. */
@Injectable()
export class SessionsIndicator implements PartIndicator {
  readonly part = 'sessions';

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly stores: RecentStores,
    private readonly config: LiveConfig,
  ) {}

  async check(): Promise<HealthIndicatorResult> {
    const stores = await this.stores.read();
    const check = this.indicators.check(this.part);
    const data = dataOf(stores?.sessions ?? null);
    if (this.config.current.sessions.requireDurable && !stores?.durable) {
      return check.down({ ...data, detail: `no store can keep a turn: ${data.detail}` });
    }
    return stores?.sessions.healthy ? check.up(data) : check.degraded(data);
  }
}

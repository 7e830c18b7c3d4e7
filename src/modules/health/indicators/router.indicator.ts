import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import type { SessionStoreChecks } from '../../session/session.messages.js';
import { LoopStalls } from '../loop-stalls.js';
import type { PartIndicator } from './check.js';
import { RecentStores } from './recent-stores.js';

/** Callers notice a stall of this length (FAULTS L06). */
const STALL_MS = 150;

/** This process itself. */
@Injectable()
export class RouterIndicator implements PartIndicator {
  readonly part = 'router';

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly stores: RecentStores,
    private readonly stalls: LoopStalls,
  ) {}

  /**
   * Until each store has answered or failed once, limits are counted by this replica alone: no traffic yet. A stalled
   * event loop degrades the service: whoever balances the load may prefer another replica.
   */
  async check(): Promise<HealthIndicatorResult> {
    const check = this.indicators.check(this.part);
    if (isStarting(await this.stores.read())) {
      return check.down({ detail: 'the stores are being reached for the first time' });
    }
    const { longestMs } = this.stalls;
    if (longestMs < STALL_MS) return check.up();
    return check.degraded({ detail: `the event loop stood still for ${Math.round(longestMs)} ms` });
  }
}

const isStarting = (stores: SessionStoreChecks | null): boolean =>
  [stores?.sessions, stores?.redis, stores?.tables].some((check) => check?.starting);

import { Injectable, ServiceUnavailableException } from '@nestjs/common';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { BeginDrainHandler } from './begin-drain.handler.js';
import { CheckHistory, type PastOf } from './check-history.js';
import type { Check, PartData, PartIndicator } from './indicators/check.js';
import { RecentStores } from './indicators/recent-stores.js';
import { RouterIndicator } from './indicators/router.indicator.js';
import { SessionsIndicator } from './indicators/sessions.indicator.js';
import { StoreIndicator } from './indicators/store.indicator.js';
import { TargetsIndicator } from './indicators/targets.indicator.js';

export type ReadinessStatus = 'ready' | 'degraded' | 'unready' | 'draining';

/** The body of `GET /ready`. */
export interface Readiness {
  readonly status: ReadinessStatus;
  readonly checks: Readonly<Record<string, Check>>;
}

/** A check, when and how long it was looked, and what was seen of its part before. */
export interface SeenCheck {
  readonly check: Check;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly tookMs: number;
  readonly past: PastOf;
}

export interface SeenReadiness {
  readonly status: ReadinessStatus;
  readonly checks: ReadonlyMap<string, SeenCheck>;
}

const READINESS: Record<HealthCheckResult['status'], ReadinessStatus> = {
  ok: 'ready',
  degraded: 'degraded',
  error: 'unready',
  shutting_down: 'draining',
};

interface Took {
  readonly at: number;
  readonly tookMs: number;
}

/**
 * Whether this replica should get traffic. Terminus runs an indicator a part, beside each other, and sums them up: one
 * that is `down` means unready, `degraded` means that a store is away but requests are served. The sum is given in DESIGN
 * section 8's words.
 */
@Injectable()
export class ReadinessProbe {
  private readonly history = new CheckHistory();
  private readonly parts: readonly PartIndicator[];

  constructor(
    private readonly health: HealthCheckService,
    private readonly drain: BeginDrainHandler,
    indicators: HealthIndicatorService,
    stores: RecentStores,
    router: RouterIndicator,
    targets: TargetsIndicator,
    sessions: SessionsIndicator,
  ) {
    const optional = (['redis', 'cosmos', 'tables'] as const).map(
      (part) => new StoreIndicator(part, indicators, stores),
    );
    this.parts = [router, targets, sessions, ...optional];
  }

  /** As `look`, in the form of `GET /ready`. */
  async read(): Promise<Readiness> {
    const { status, checks } = await this.look();
    return { status, checks: Object.fromEntries([...checks].map(([part, { check }]) => [part, check])) };
  }

  /**
   * Never rejects, and takes 500 ms at most: each part has its own deadline, so one that hangs is down and the others say
   * what they say. What the stores say is at most 1 s old, as anybody may ask; the targets, the event loop and whether it
   * drains are those of now.
   */
  async look(): Promise<SeenReadiness> {
    const times = new Map<string, Took>();
    const { status, details } = await this.runChecks(times);
    const checks = new Map<string, SeenCheck>();
    for (const [part, result] of Object.entries(details)) checks.set(part, this.seen(part, result, times.get(part)));
    return { status: this.drain.hasBegun ? 'draining' : READINESS[status], checks };
  }

  /** Terminus throws its result as a 503 of its own when a check is down. */
  private async runChecks(times: Map<string, Took>): Promise<HealthCheckResult<HealthIndicatorResult>> {
    const timed = async (indicator: PartIndicator): Promise<HealthIndicatorResult> => {
      const begunAt = performance.now();
      const result = await indicator.check();
      times.set(indicator.part, { at: Date.now(), tookMs: performance.now() - begunAt });
      return result;
    };
    try {
      return await this.health.check(this.parts.map((indicator) => () => timed(indicator)));
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      return error.getResponse() as HealthCheckResult<HealthIndicatorResult>;
    }
  }

  private seen(part: string, result: HealthIndicatorResult[string], took: Took | undefined): SeenCheck {
    const check = toCheck(result);
    const { at = took?.at ?? Date.now(), tookMs = took?.tookMs ?? 0 } = result as PartData;
    return { check, at, tookMs, past: this.history.note(part, check, at) };
  }
}

/** Terminus puts what a check returned beside its status. */
const toCheck = ({ status, detail, disabled }: HealthIndicatorResult[string]): Check => ({
  status: disabled === true ? 'disabled' : status === 'up' ? 'up' : 'down',
  ...(typeof detail === 'string' ? { detail } : {}),
});

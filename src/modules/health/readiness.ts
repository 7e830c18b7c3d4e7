import { Injectable, ServiceUnavailableException } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { LiveConfig } from '../../common/config/live-config.js';
import { inTime } from '../../common/in-time.js';
import { RecentAnswer } from '../../common/recent-answer.js';
import type { TargetStatus } from '../../common/target.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import type { StoreCheck } from '../../common/store-check.js';
import { CheckSessionStoresQuery, type SessionStoreChecks } from '../session/session.messages.js';
import { BeginDrainHandler } from './begin-drain.handler.js';
import { LoopStalls } from './loop-stalls.js';

const CHECK_DEADLINE_MS = 500;
const LATE = `timeout of ${CHECK_DEADLINE_MS}ms exceeded`;
/** Callers notice a stall of this length (FAULTS L06). */
const STALL_MS = 150;

export type ReadinessStatus = 'ready' | 'degraded' | 'unready' | 'draining';

export interface Check {
  readonly status: 'up' | 'down' | 'disabled';
  readonly detail?: string;
}

/** The body of `GET /ready`. */
export interface Readiness {
  readonly status: ReadinessStatus;
  readonly checks: Readonly<Record<string, Check>>;
}

const READINESS: Record<HealthCheckResult['status'], ReadinessStatus> = {
  ok: 'ready',
  degraded: 'degraded',
  error: 'unready',
  shutting_down: 'draining',
};

const DISABLED: Check = { status: 'disabled', detail: 'not configured' };
const OPTIONAL_STORES = ['redis', 'cosmos', 'tables'] as const;
type Store = Exclude<keyof SessionStoreChecks, 'durable'>;
/** Anything more could name an internal address. */
const CHECK_FAILED = 'the check failed';
const FAILED: SessionStoreChecks = {
  durable: false,
  sessions: { healthy: false, detail: CHECK_FAILED },
  redis: null,
  cosmos: null,
  tables: null,
};

const canAnswer = ({ breaker }: TargetStatus): boolean => breaker !== 'open' && breaker !== 'drained';

/** How many targets can answer and why the others cannot, in words. */
function describeTargets(targets: readonly TargetStatus[]): string {
  const usable = targets.filter(canAnswer);
  const simulated = usable.filter((target) => target.simulated).map(({ id }) => id);
  const out = (['open', 'drained'] as const)
    .map((state) => ({ state, many: targets.filter(({ breaker }) => breaker === state).length }))
    .filter(({ many }) => many > 0)
    .map(({ state, many }) => `${many} ${state === 'open' ? 'with an open breaker' : state}`);
  const why = out.length > 0 ? ` (${out.join(', ')})` : '';
  const count = `${usable.length} of ${targets.length} targets can answer${why}`;
  return simulated.length > 0 ? `${count}; simulated: ${simulated.join(', ')}` : count;
}

/**
 * Whether this replica should get traffic. Terminus runs the checks and sums them up: a check that is `down` means
 * unready, `degraded` means that a store is away but requests are served. The sum is given in DESIGN section 8's words.
 */
@Injectable()
export class ReadinessProbe {
  /** What is true of a start is not true a moment later. */
  private readonly recentStores = new RecentAnswer(
    () => this.askStores(),
    (stores) => !isStarting(stores),
  );

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly queries: QueryBus,
    private readonly drain: BeginDrainHandler,
    private readonly stalls: LoopStalls,
    private readonly config: LiveConfig,
  ) {}

  /**
   * Never rejects, and takes 500 ms at most: a check that fails or hangs is down. What the stores say is at most 1 s old,
   * as anybody may ask; the targets, the event loop and whether it drains are those of now.
   */
  async read(): Promise<Readiness> {
    const { status, details } = await this.runChecks();
    const checks = Object.fromEntries(Object.entries(details).map(([name, result]) => [name, toCheck(result)]));
    return {
      status: this.drain.hasBegun ? 'draining' : READINESS[status],
      checks: { redis: DISABLED, cosmos: DISABLED, tables: DISABLED, ...checks },
    };
  }

  /** Terminus throws its result as a 503 of its own when a check is down. */
  private async runChecks(): Promise<HealthCheckResult<HealthIndicatorResult>> {
    const stores = await this.recentStores.get();
    const used = OPTIONAL_STORES.filter((store) => stores?.[store]);
    try {
      return await this.health.check([
        () => this.router(stores),
        () => this.targets(),
        () => this.sessions(stores),
        ...used.map((store) => () => this.store(store, stores?.[store] ?? null)),
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      return error.getResponse() as HealthCheckResult<HealthIndicatorResult>;
    }
  }

  /**
   * Until each store has answered or failed once, limits are counted by this replica alone: no traffic yet. A stalled
   * event loop degrades the service: whoever balances the load may prefer another replica.
   */
  private router(stores: SessionStoreChecks | null): HealthIndicatorResult {
    const check = this.indicators.check('router');
    if (isStarting(stores)) return check.down({ detail: 'the stores are being reached for the first time' });
    const { longestMs } = this.stalls;
    if (longestMs < STALL_MS) return check.up();
    return check.degraded({ detail: `the event loop stood still for ${Math.round(longestMs)} ms` });
  }

  /** At least one must be able to answer. */
  private async targets(): Promise<HealthIndicatorResult> {
    const check = this.indicators.check('targets');
    const asked = this.queries.execute(new ListTargetsQuery()).catch(() => CHECK_FAILED);
    const targets = await inTime(asked, CHECK_DEADLINE_MS, LATE);
    if (typeof targets === 'string') return check.down({ detail: targets });
    const detail = describeTargets(targets);
    return targets.some(canAnswer) ? check.up({ detail }) : check.down({ detail });
  }

  /** What the stores say; `null` when nobody says anything within the deadline. */
  private askStores(): Promise<SessionStoreChecks | null> {
    const asked = this.queries.execute(new CheckSessionStoresQuery()).catch(() => FAILED);
    return inTime(asked, CHECK_DEADLINE_MS, null);
  }

  /** Answers that nobody keeps are what the configuration may not want. */
  private sessions(stores: SessionStoreChecks | null): HealthIndicatorResult {
    const required = this.config.current.sessions.requireDurable;
    if (!required || stores?.durable) return this.store('sessions', stores?.sessions ?? null);
    const detail = stores?.sessions.detail ?? LATE;
    return this.indicators.check('sessions').down({ detail: `no store can keep a turn: ${detail}` });
  }

  /** A store that is away degrades the service; requests are still answered. */
  private store(name: Store, check: StoreCheck | null): HealthIndicatorResult {
    const indicator = this.indicators.check(name);
    const detail = check?.detail ?? LATE;
    return check?.healthy ? indicator.up({ detail }) : indicator.degraded({ detail });
  }
}

const isStarting = (stores: SessionStoreChecks | null): boolean =>
  [stores?.sessions, stores?.redis, stores?.tables].some((check) => check?.starting);

/** Terminus puts what a check returned beside its status. */
const toCheck = ({ status, detail }: HealthIndicatorResult[string]): Check => ({
  status: status === 'up' ? 'up' : 'down',
  ...(typeof detail === 'string' ? { detail } : {}),
});

import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { inTime } from '../../common/in-time.js';
import { RecentAnswer } from '../../common/recent-answer.js';
import { replicaName } from '../../common/replica-name.js';
import { TIERS, type TargetStatus, type Tier } from '../../common/target.js';
import { VERSION } from '../../common/version.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { CountSessionsQuery, type OutboxCount } from '../session/session.messages.js';
import { CHECK_DEADLINE_MS, type Check } from './indicators/check.js';
import { LoopStalls } from './loop-stalls.js';
import { ReadinessProbe, type SeenCheck, type SeenReadiness } from './readiness.js';

const MARK_CHARS = 12;
/** A name of a machine is nobody's business: who knows it can make the same mark of it. */
const REPLICA = hash('sha256', replicaName(), 'hex').slice(0, MARK_CHARS);

interface TimedCheck extends Check {
  /** ISO 8601 UTC, as every time here. */
  readonly checked_at: string;
  readonly age_ms: number;
  readonly took_ms: number;
  /** When it was first seen in this state. */
  readonly since: string;
  readonly last_error: { readonly at: string; readonly detail: string } | null;
}

interface TierCount {
  readonly targets: number;
  readonly breakers: Readonly<Record<TargetStatus['breaker'], number>>;
  readonly simulated: number;
  readonly in_flight: number;
  readonly queued: number;
}

interface OutboxReport {
  readonly waiting: OutboxCount;
  readonly set_aside: OutboxCount;
}

/** The body of `GET /ready?verbose`. Anybody may read it: counts and times, no name, no address, nobody else's words. */
export interface ReadinessReport {
  readonly status: SeenReadiness['status'];
  readonly checks: Readonly<Record<string, TimedCheck>>;
  /** `null` when they could not be asked in time, as `outboxes`. */
  readonly targets: Readonly<Record<Tier, TierCount>> | null;
  readonly outboxes: OutboxReport | null;
  readonly process: {
    readonly version: string;
    /** The first 12 hexadecimal digits of the SHA-256 of this replica's name. */
    readonly replica: string;
    readonly started_at: string;
    readonly uptime_seconds: number;
    /** The longest stall of the last 2.5 to 5 seconds. */
    readonly event_loop_stall_ms: number;
  };
}

/** What a person wants to know who looks at one replica; as cheap to ask in a loop as `/ready` itself. */
@Injectable()
export class ReadinessReporter {
  private readonly sessions: RecentAnswer<OutboxReport>;

  constructor(
    private readonly probe: ReadinessProbe,
    private readonly queries: QueryBus,
    private readonly stalls: LoopStalls,
  ) {
    this.sessions = new RecentAnswer(() => this.countOutboxes());
  }

  /** Never rejects, and takes 500 ms at most. */
  async read(): Promise<ReadinessReport> {
    const [{ status, checks }, targets, outboxes] = await Promise.all([
      this.probe.look(),
      orNull(this.queries.execute(new ListTargetsQuery())),
      orNull(this.sessions.get()),
    ]);
    const now = Date.now();
    return {
      status,
      checks: Object.fromEntries([...checks].map(([part, seen]) => [part, timed(seen, now)])),
      targets: targets && tierCounts(targets),
      outboxes,
      process: {
        version: VERSION,
        replica: REPLICA,
        started_at: iso(now - process.uptime() * 1_000),
        uptime_seconds: Math.round(process.uptime()),
        event_loop_stall_ms: Math.round(this.stalls.longestMs),
      },
    };
  }

  private async countOutboxes(): Promise<OutboxReport> {
    const { waiting, setAside } = await this.queries.execute(new CountSessionsQuery());
    return { waiting, set_aside: setAside };
  }
}

/** The checks tell of what fails; here it is only missing. */
const orNull = <T>(asked: Promise<T>): Promise<T | null> =>
  inTime(
    asked.catch(() => null),
    CHECK_DEADLINE_MS,
    null,
  );

const iso = (ms: number): string => new Date(ms).toISOString();

function timed({ check, at, tookMs, past }: SeenCheck, now: number): TimedCheck {
  const { since, lastError } = past;
  return {
    ...check,
    checked_at: iso(at),
    age_ms: Math.max(0, now - at),
    took_ms: Math.round(tookMs * 10) / 10,
    since: iso(since),
    last_error: lastError && { at: iso(lastError.at), detail: lastError.detail },
  };
}

function tierCounts(targets: readonly TargetStatus[]): Record<Tier, TierCount> {
  const count = (tier: Tier): TierCount => {
    const those = targets.filter((target) => target.tier === tier);
    const inState = (state: TargetStatus['breaker']) => those.filter(({ breaker }) => breaker === state).length;
    return {
      targets: those.length,
      breakers: {
        closed: inState('closed'),
        half_open: inState('half_open'),
        open: inState('open'),
        drained: inState('drained'),
      },
      simulated: those.filter(({ simulated }) => simulated).length,
      in_flight: those.reduce((sum, { slots }) => sum + slots.inFlight, 0),
      queued: those.reduce((sum, { slots }) => sum + slots.queued, 0),
    };
  };
  return Object.fromEntries(TIERS.map((tier) => [tier, count(tier)])) as Record<Tier, TierCount>;
}

import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { inTime } from '../../../common/in-time.js';
import type { TargetStatus } from '../../../common/target.js';
import { ListTargetsQuery } from '../../models/models.messages.js';
import { CHECK_DEADLINE_MS, CHECK_FAILED, LATE, type PartIndicator } from './check.js';

/** At least one must be able to answer. */
@Injectable()
export class TargetsIndicator implements PartIndicator {
  readonly part = 'targets';

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly queries: QueryBus,
  ) {}

  async check(): Promise<HealthIndicatorResult> {
    const check = this.indicators.check(this.part);
    const asked = this.queries.execute(new ListTargetsQuery()).catch(() => CHECK_FAILED);
    const targets = await inTime(asked, CHECK_DEADLINE_MS, LATE);
    if (typeof targets === 'string') return check.down({ detail: targets });
    const detail = describeTargets(targets);
    return targets.some(canAnswer) ? check.up({ detail }) : check.down({ detail });
  }
}

const canAnswer = ({ breaker }: TargetStatus): boolean => breaker !== 'open' && breaker !== 'drained';

/** How many targets can answer and why the others cannot. Their names are their tenants' own, and anybody may ask. */
function describeTargets(targets: readonly TargetStatus[]): string {
  const usable = targets.filter(canAnswer);
  const simulated = usable.filter((target) => target.simulated).length;
  const out = (['open', 'drained'] as const)
    .map((state) => ({ state, many: targets.filter(({ breaker }) => breaker === state).length }))
    .filter(({ many }) => many > 0)
    .map(({ state, many }) => `${many} ${state === 'open' ? 'with an open breaker' : state}`);
  const why = out.length > 0 ? ` (${out.join(', ')})` : '';
  const count = `${usable.length} of ${targets.length} targets can answer${why}`;
  return simulated > 0 ? `${count}; ${simulated} simulated` : count;
}

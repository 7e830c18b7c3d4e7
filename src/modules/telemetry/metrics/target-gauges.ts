import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import type { TargetStatus } from '../../../common/target.js';
import { CountTargetLoadQuery, ListTargetsQuery, type TargetLoad } from '../../models/models.messages.js';
import { MetricRegistry } from './metric-registry.js';

const BREAKER_VALUE: Record<TargetStatus['breaker'], number> = { closed: 0, half_open: 1, open: 2, drained: 3 };
const CONNECTION_STATES = ['connected', 'free', 'running', 'pending'] as const;

/** What is read of the targets when it is scraped; one that a reload took out has no gauge any more. */
@Injectable()
export class TargetGauges {
  constructor(
    private readonly metrics: MetricRegistry,
    private readonly queries: QueryBus,
  ) {
    this.ofTargets(
      'router_breaker_state',
      '0 closed, 1 half open, 2 open, 3 drained.',
      ({ breaker }) => BREAKER_VALUE[breaker],
    );
    this.ofTargets('router_target_in_flight', 'Calls of a target under way here.', ({ slots }) => slots.inFlight);
    this.ofTargets('router_target_queued', 'Calls that wait for a slot of a target.', ({ slots }) => slots.queued);
    metrics.gauge('router_target_slots', 'Calls of a target at a time (concurrency).', ['target'], async () =>
      (await this.loads()).map(({ id, slots }) => ({ labels: { target: id }, value: slots })),
    );
    metrics.gauge('router_target_tier', '1; which tier a target is of.', ['target', 'tier'], async () =>
      (await this.targets()).map(({ id, tier }) => ({ labels: { target: id, tier }, value: 1 })),
    );
    metrics.gauge(
      'router_target_connections',
      'Connections to the server of a target; pending and running are requests.',
      [...['target', 'state']],
      async () =>
        (await this.loads()).flatMap(({ id, connections }) =>
          CONNECTION_STATES.flatMap((state) =>
            connections ? [{ labels: { target: id, state }, value: connections[state] }] : [],
          ),
        ),
    );
  }

  private ofTargets(name: string, help: string, value: (target: TargetStatus) => number): void {
    this.metrics.gauge(name, help, ['target'], async () =>
      (await this.targets()).map((target) => ({ labels: { target: target.id }, value: value(target) })),
    );
  }

  private targets(): Promise<readonly TargetStatus[]> {
    return this.queries.execute(new ListTargetsQuery());
  }

  private loads(): Promise<readonly TargetLoad[]> {
    return this.queries.execute(new CountTargetLoadQuery());
  }
}

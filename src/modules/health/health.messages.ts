import { Command, Query } from '@nestjs/cqrs';

/** Where this replica is in its life. */
export type Phase = 'serving' | 'draining';

/** From now on `/ready` answers 503, so that the load balancer stops sending; requests are still served. */
export class BeginDrainCommand extends Command<void> {}

export class GetPhaseQuery extends Query<Phase> {}

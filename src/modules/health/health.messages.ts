import { Command } from '@nestjs/cqrs';

/** From now on `/ready` answers 503, so that the load balancer stops sending; requests are still served. */
export class BeginDrainCommand extends Command<void> {}

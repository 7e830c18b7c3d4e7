import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { DecisionLog } from './decision-log.js';
import { DecisionMadeEvent } from './router.messages.js';

/** Writes a live decision down. Runs inside `publish()`, so it only queues the line. */
@EventsHandler(DecisionMadeEvent)
export class RecordDecisionHandler implements IEventHandler<DecisionMadeEvent> {
  constructor(private readonly log: DecisionLog) {}

  handle({ requestId, caller, model, decision }: DecisionMadeEvent): void {
    const { strategy, target, reasonCode, score, threshold, policyVersion, evidence } = decision;
    this.log.append({
      type: 'decision',
      at: new Date().toISOString(),
      request_id: requestId,
      tenant: caller.tenant,
      model,
      strategy,
      target,
      reason_code: reasonCode,
      score,
      threshold,
      policy_version: policyVersion,
      ...evidence,
    });
  }
}

import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { isoNow } from '../../common/iso-time.js';
import { DecisionLog } from './decision-log.js';
import { KnownRequests } from './known-requests.js';
import { OpenToolCalls } from './open-tool-calls.js';
import { DecisionMadeEvent } from './router.messages.js';

/** Writes a live decision down. Runs inside `publish()`, so it only queues the line. */
@EventsHandler(DecisionMadeEvent)
export class RecordDecisionHandler implements IEventHandler<DecisionMadeEvent> {
  constructor(
    private readonly log: DecisionLog,
    private readonly known: KnownRequests,
    private readonly openCalls: OpenToolCalls,
  ) {}

  handle({ requestId, caller, model, decision }: DecisionMadeEvent): void {
    this.known.note(caller, requestId);
    if (decision.conversation !== null) this.openCalls.begun(requestId, decision.conversation);
    const { strategy, target, simulated, reasonCode, score, threshold, policyVersion, evidence } = decision;
    this.log.append({
      type: 'decision',
      at: isoNow(),
      request_id: requestId,
      tenant: caller.tenant,
      user: caller.user,
      model,
      strategy,
      target,
      simulated,
      reason_code: reasonCode,
      score,
      threshold,
      policy_version: policyVersion,
      ...evidence,
    });
  }
}

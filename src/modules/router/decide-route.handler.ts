import type { IQueryHandler } from '@nestjs/cqrs';
import { QueryBus, QueryHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { LearnedScorer } from './learned/learned-scorer.js';
import { shippedArtefact } from './learned/routing-artefact.js';
import { ShareControl } from './learned/share-control.js';
import { OpenToolCalls } from './open-tool-calls.js';
import { decideRoute } from './route-decision.js';
import type { RouteDecision } from './router.messages.js';
import { DecideRouteQuery } from './router.messages.js';
import { conversationKey, isToolCallOpen, offersTools } from './tool-loop.js';

/** Gathers what the pure decision needs: configuration, target states, clock and random. */
@QueryHandler(DecideRouteQuery)
export class DecideRouteHandler implements IQueryHandler<DecideRouteQuery> {
  private readonly learned = { scorer: new LearnedScorer(shippedArtefact()), shares: new ShareControl() };

  constructor(
    private readonly config: LiveConfig,
    private readonly queries: QueryBus,
    private readonly openCalls: OpenToolCalls,
  ) {}

  async execute({
    request,
    history,
    strategy,
    previousTarget,
    live,
    caller,
  }: DecideRouteQuery): Promise<RouteDecision> {
    const config = this.config.current;
    const targets = await this.queries.execute(new ListTargetsQuery());
    const loops = history.length === 0 && offersTools(request);
    const conversation = loops ? conversationKey(request, caller.tenant) : null;
    const called = conversation !== null && isToolCallOpen(request, history);
    return decideRoute({
      request,
      history,
      strategy,
      previousTarget: previousTarget ?? (called ? await this.openCalls.targetOf(conversation) : null),
      conversation,
      tenant: caller.tenant,
      onlyPriced: config.limits.unpriced === 'refuse' && caller.limits.usdPerMonth !== undefined,
      config,
      targets,
      now: () => performance.now(),
      random: () => Math.random(),
      learned: this.learned,
      live,
    });
  }
}

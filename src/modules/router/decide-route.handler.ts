import type { ICommandHandler } from '@nestjs/cqrs';
import { CommandHandler, QueryBus } from '@nestjs/cqrs';
import { AccountBook, countsMoney } from '../../common/accounts.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { AnsweredPrices } from '../../common/prices/answered-prices.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { LearnedScorer } from './learned/learned-scorer.js';
import { shippedArtefact } from './learned/routing-artefact.js';
import { ShareControl } from './learned/share-control.js';
import { OpenToolCalls } from './records/open-tool-calls.js';
import { decideRoute, wholePolicyVersion } from './route-decision.js';
import { DecideRouteCommand, type RouteAsk, type RouteDecision } from './router.messages.js';
import { conversationKey, offersTools } from './tool-loop.js';
import { isToolCallOpen } from '../../common/conversation.js';

const now = (): number => performance.now(); // made once, see docs/adr/0020

/** Gathers what the pure decision needs: configuration, target states, clock and random; keeps what live ones leave. */
@CommandHandler(DecideRouteCommand)
export class DecideRouteHandler implements ICommandHandler<DecideRouteCommand> {
  private readonly scorer = new LearnedScorer(shippedArtefact());
  private readonly shares = new ShareControl();
  private readonly accounts: () => AccountBook;

  constructor(
    private readonly config: LiveConfig,
    private readonly queries: QueryBus,
    private readonly openCalls: OpenToolCalls,
    private readonly prices: AnsweredPrices,
  ) {
    this.accounts = config.derived((next) => new AccountBook(next));
  }

  get policyVersion(): string {
    return wholePolicyVersion(this.scorer);
  }

  async execute({ ask }: DecideRouteCommand): Promise<RouteDecision> {
    const { request, history, caller } = ask;
    const config = this.config.current;
    const targets = await this.queries.execute(new ListTargetsQuery());
    const loops = history.length === 0 && offersTools(request);
    const conversation = loops ? conversationKey(request, caller.tenant) : null;
    const called = conversation !== null && isToolCallOpen(request, history);
    const { decision, vote } = decideRoute({
      request,
      history,
      strategy: ask.strategy,
      previousTarget: ask.previousTarget ?? (called ? await this.openCalls.targetOf(conversation) : null),
      conversation,
      tenant: caller.tenant,
      onlyPriced: this.mustCount(ask) ? this.prices : null,
      config,
      targets,
      now,
      random: Math.random,
      scorer: this.scorer,
      shares: this.shares,
      live: ask.live,
      explain: ask.explain,
    });
    if (!ask.live) return decision;
    if (vote) this.shares.record(vote.of, decision.score!, vote.strong);
    if (conversation !== null) this.openCalls.begun(ask.requestId, conversation);
    return decision;
  }

  /** Whether the answer has to have a price. */
  private mustCount({ caller, request }: RouteAsk): boolean {
    return this.config.current.limits.unpriced === 'refuse' && countsMoney(this.accounts().of(caller, request.model));
  }
}

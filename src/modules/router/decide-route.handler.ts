import type { ICommandHandler } from '@nestjs/cqrs';
import { CommandHandler, QueryBus } from '@nestjs/cqrs';
import { AccountBook, countsMoney } from '../../common/accounts.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { AnsweredPrices } from '../../common/prices/answered-prices.js';
import { isoNow } from '../../common/iso-time.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { DecisionLog } from './records/decision-log.js';
import { KnownRequests } from './records/known-requests.js';
import { LearnedScorer } from './learned/learned-scorer.js';
import { shippedArtefact } from './learned/routing-artefact.js';
import { ShareControl } from './learned/share-control.js';
import { OpenToolCalls } from './records/open-tool-calls.js';
import { decideRoute, wholePolicyVersion, type Decided } from './route-decision.js';
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
    private readonly known: KnownRequests,
    private readonly log: DecisionLog,
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
    const decided = decideRoute({
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
    if (ask.live) this.keep(ask, conversation, decided);
    return decided.decision;
  }

  /** Whether the answer has to have a price. */
  private mustCount({ caller, request }: RouteAsk): boolean {
    return this.config.current.limits.unpriced === 'refuse' && countsMoney(this.accounts().of(caller, request.model));
  }

  /** Of a decision that is acted on. Only queues: the request goes on at once. */
  private keep(
    { requestId, caller, request }: RouteAsk,
    conversation: string | null,
    { decision, vote }: Decided,
  ): void {
    if (vote) this.shares.record(vote.of, decision.score!, vote.strong);
    this.known.note(caller, requestId);
    if (conversation !== null) this.openCalls.begun(requestId, conversation);
    const { strategy, target, reasonCode, score, threshold, policyVersion, evidence } = decision;
    this.log.append({
      type: 'decision',
      at: isoNow(),
      request_id: requestId,
      tenant: caller.tenant,
      user: caller.user,
      model: request.model,
      strategy,
      target: target.id,
      simulated: target.simulated,
      reason_code: reasonCode,
      score,
      threshold,
      policy_version: policyVersion,
      ...(evidence && { ...evidence, columns: listOf(evidence.columns) }),
    });
  }
}

/** `Array.from` goes through an iterator, at twenty times the cost. */
function listOf(columns: ArrayLike<number>): number[] {
  const list: number[] = [];
  for (let i = 0; i < columns.length; i += 1) list.push(columns[i]!);
  return list;
}

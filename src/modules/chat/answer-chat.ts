import { Injectable } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { AttemptLog } from '../../common/attempt.js';
import { Budget } from '../../common/budget.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { FindAnswerQuery, type CacheLookup } from '../cache/cache.messages.js';
import { ReserveQuotaCommand, type QuotaLease } from '../quota/quota.messages.js';
import { CallModelsCommand, type ModelCalls } from '../resilience/resilience.messages.js';
import { DecideRouteCommand, type RouteDecision } from '../router/router.messages.js';
import { LoadConversationQuery, type Conversation } from '../session/session.messages.js';
import { AnswerBill } from './answer-bill.js';
import { Cascade, type CascadeResult } from './cascade.js';
import { ChatExchange } from './chat-exchange.js';
import type { ChatAsk, ChatFacts } from './chat-facts.js';
import { FinishChat } from './finish-chat.js';
import { quotaNeed } from './quota-need.js';

const NO_LEASE: QuotaLease = Object.freeze({ headers: Object.freeze({}), id: null });
const NO_CONVERSATION: Conversation = Object.freeze({ turns: [] });
const NOT_LOOKED_UP: CacheLookup = Object.freeze({ result: 'DISABLED', answer: null, key: null });

/** The recipe of one request (DESIGN section 5): reserve, load, find, decide, call, finish. */
@Injectable()
export class AnswerChat {
  constructor(
    private readonly config: LiveConfig,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly finish: FinishChat,
  ) {}

  /** Resolves when the answer has begun; who calls this relays it. @throws AppError, and the signal's reason */
  async answer(ask: ChatAsk): Promise<ChatExchange> {
    const exchange = await this.begun(ask);
    if (exchange.result) throw ask.signal.reason; // nobody waits for it any more
    return exchange;
  }

  /** Where the request would go; nothing is called or counted. @throws as `DecideRouteCommand` */
  async route(ask: ChatAsk): Promise<RouteDecision> {
    return this.decide({ ...this.known(ask), conversation: await this.conversationOf(ask) }, false);
  }

  private async begun(ask: ChatAsk): Promise<ChatExchange> {
    const { signal } = ask;
    let facts = this.known(ask);
    try {
      signal.throwIfAborted();
      facts = { ...facts, lease: await this.reserve(ask) };
      signal.throwIfAborted();
      facts = { ...facts, conversation: await this.conversationOf(ask) };
      facts = { ...facts, lookup: await this.find(facts) };
      if (facts.lookup.answer) return new ChatExchange(facts, null, this.finish);
      const decision = await this.decide(facts, true);
      facts = { ...facts, decision };
      signal.throwIfAborted();
      const { answer, reason } = await this.call(facts, decision);
      if (reason !== null && decision.explanation) {
        facts = { ...facts, decision: { ...decision, explanation: { ...decision.explanation, reason } } };
      }
      return new ChatExchange(facts, answer, this.finish);
    } catch (error) {
      this.finish.failed(facts, error);
      throw error;
    }
  }

  private known(ask: ChatAsk): ChatFacts {
    const { targets, models } = this.config.current;
    return {
      ask,
      lease: NO_LEASE,
      conversation: NO_CONVERSATION,
      lookup: NOT_LOOKED_UP,
      ownStrategy: models.find(({ name }) => name === ask.request.model)?.strategy ?? 'priority',
      decision: null,
      attempts: new AttemptLog(),
      bill: new AnswerBill(targets),
    };
  }

  private reserve(ask: ChatAsk): Promise<QuotaLease> {
    return this.commands.execute(new ReserveQuotaCommand(ask.caller, quotaNeed(ask, this.config.current)));
  }

  private async conversationOf({ sessionId, caller }: ChatAsk): Promise<Conversation> {
    if (sessionId === null) return NO_CONVERSATION;
    return this.queries.execute(new LoadConversationQuery(caller, sessionId));
  }

  private find({ ask, conversation }: ChatFacts): Promise<CacheLookup> {
    const { caller, request, strategy, cacheControl } = ask;
    return this.queries.execute(
      new FindAnswerQuery({ caller, request, turns: conversation.turns, strategy, cacheControl }),
    );
  }

  /** @param live whether it is acted on */
  private decide({ ask, conversation: { turns } }: ChatFacts, live: boolean): Promise<RouteDecision> {
    const { requestId, request, strategy, caller, sessionId, explain } = ask;
    const previousTarget = sessionId === null ? null : (turns.at(-1)?.target ?? null);
    return this.commands.execute(
      new DecideRouteCommand({
        requestId,
        request,
        history: turns,
        strategy,
        caller,
        previousTarget,
        live,
        explain: explain || !live,
      }),
    );
  }

  /** @returns the answer, and a cascade's reason for it */
  private async call(facts: ChatFacts, decision: RouteDecision): Promise<CascadeResult> {
    const { ask, conversation, attempts } = facts;
    const { request, signal } = ask;
    const { deadlineMs, retries } = this.config.current.resilience;
    const budget = new Budget(ask.startedAt, deadlineMs, retries);
    const { candidates, down, escalation } = decision;
    const calls: ModelCalls = { candidates, down, request, history: conversation.turns, attempts, budget, signal };
    if (escalation.length > 0) return new Cascade(this.commands, this.queries, facts, calls, escalation).answer();
    return { answer: await this.commands.execute(new CallModelsCommand(calls)), reason: null };
  }
}

import { Injectable } from '@nestjs/common';
import { CommandBus, EventBus, QueryBus } from '@nestjs/cqrs';
import { Budget } from '../../common/budget.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { exactCompletion } from '../../common/answer-shape.js';
import { messagesToKeep } from '../../common/json/numbers.js';
import { FindAnswerQuery } from '../cache/cache.messages.js';
import { ReserveQuotaCommand } from '../quota/quota.messages.js';
import { CallModelsCommand } from '../resilience/resilience.messages.js';
import { DecideRouteCommand } from '../router/router.messages.js';
import { AppendTurnCommand, LoadConversationQuery, type Conversation } from '../session/session.messages.js';
import { CascadeAnswer } from './cascade-answer.js';
import { ChatExchange, type ChatAsk } from './chat-exchange.js';
import { quotaNeed } from './quota-need.js';

const NO_CONVERSATION: Conversation = { turns: [] };

/** The recipe of one request (DESIGN section 5). */
@Injectable()
export class AnswerChat {
  constructor(
    private readonly config: LiveConfig,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly events: EventBus,
  ) {}

  /** Resolves when the answer has begun; the caller of this reads `chunks()` to the end. */
  async answer(ask: ChatAsk): Promise<ChatExchange> {
    const exchange = new ChatExchange(ask, this.config.current.targets, this.events, this.persist);
    const { request, caller, strategy, sessionId, signal } = ask;
    try {
      signal.throwIfAborted();
      const need = quotaNeed(ask, this.config.current);
      exchange.lease = await this.commands.execute(new ReserveQuotaCommand(caller, need));
      signal.throwIfAborted();
      const conversation = await this.conversationOf(ask);
      exchange.history = conversation.turns;
      exchange.began = conversation.began;
      const { turns } = conversation;
      exchange.lookup = await this.queries.execute(
        new FindAnswerQuery({ caller, request, turns, strategy, cacheControl: ask.cacheControl }),
      );
      if (exchange.lookup.answer) {
        exchange.replay(exchange.lookup.answer, strategy ?? this.strategyOf(request.model));
        return exchange;
      }
      const previous = sessionId === null ? null : (conversation.turns.at(-1)?.target ?? null);
      const decision = await this.commands.execute(
        new DecideRouteCommand({
          requestId: ask.requestId,
          request,
          history: conversation.turns,
          strategy,
          caller,
          previousTarget: previous,
          live: true,
          explain: ask.explain,
        }),
      );
      exchange.decision = decision;
      signal.throwIfAborted();
      const { deadlineMs, retries } = this.config.current.resilience;
      const budget = new Budget(ask.startedAt, deadlineMs, retries);
      if (decision.escalation.length > 0) {
        const cascade = new CascadeAnswer(this.commands, this.queries, exchange, budget, decision);
        const { answer, reason } = await cascade.answer();
        const { explanation } = decision;
        exchange.decision = { ...decision, explanation: explanation && { ...explanation, reason } };
        exchange.begin(answer, decision);
        return exchange;
      }
      const { candidates, down } = decision;
      const answer = await this.commands.execute(
        new CallModelsCommand(candidates, request, conversation.turns, exchange.attempts, budget, signal, down),
      );
      exchange.begin(answer, decision);
      return exchange;
    } catch (error) {
      exchange.fail(error);
      throw error;
    }
  }

  /** The conversation so far, for the decision alone. */
  async conversationOf({ sessionId, caller }: Pick<ChatAsk, 'sessionId' | 'caller'>): Promise<Conversation> {
    if (sessionId === null) return NO_CONVERSATION;
    return this.queries.execute(new LoadConversationQuery(caller, sessionId));
  }

  private strategyOf(model: string): string {
    return this.config.current.models.find(({ name }) => name === model)?.strategy ?? 'priority';
  }

  private readonly persist = async (exchange: ChatExchange): Promise<boolean> => {
    const { ask, route, completion, usage, costUsd, elapsedMs, lookup } = exchange;
    const answer = completion && exactCompletion(completion).choices?.[0]?.message;
    if (ask.sessionId === null || !route || !answer) return false;
    const { persisted } = await this.commands.execute(
      new AppendTurnCommand({
        caller: ask.caller,
        sessionId: ask.sessionId,
        turn: {
          requestId: ask.requestId,
          messages: [...messagesToKeep(ask.request), { role: 'assistant', ...answer }],
          target: route.target,
          tier: route.tier,
          model: route.model,
          simulated: route.simulated,
          usage,
          costUsd,
          latencyMs: elapsedMs,
          cached: lookup.answer !== null,
          fallback: route.fallback,
        },
        began: exchange.began,
      }),
    );
    return persisted;
  };
}

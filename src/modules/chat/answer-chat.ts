import { Injectable } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { AccountBook } from '../../common/accounts.js';
import { BackgroundWork } from '../../common/background-work.js';
import { Budget } from '../../common/budget.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { AnsweredPrices } from '../../common/prices/answered-prices.js';
import { noted } from '../../common/tracing/request-trace.js';
import { ClaimAnswerCommand, FindAnswerQuery, type CacheLookup, type ClaimResult } from '../cache/cache.messages.js';
import { NO_LEASE, ReserveQuotaCommand, type QuotaLease } from '../quota/quota.messages.js';
import { CallModelsCommand, type ModelCalls } from '../resilience/resilience.messages.js';
import { DecideRouteCommand, type RouteDecision } from '../router/router.messages.js';
import { LoadConversationQuery, type Conversation } from '../session/session.messages.js';
import { AnswerRenewals, type AnswerMaker } from './answer-renewals.js';
import { Cascade, type CascadeResult } from './cascade.js';
import { ChatExchange } from './chat-exchange.js';
import { FinishChat } from './finish-chat.js';
import { NOT_LOOKED_UP, withHistory, type ChatFacts } from './chat-facts.js';
import type { ChatAsk } from './chat.messages.js';
import type { Generation } from './generation.js';
import { Generations } from './generations.js';
import type { Participant } from './participant.js';
import { quotaNeed } from './quota-need.js';
import { together } from './given-answer.js';
import { ReplayedAnswer } from './replayed-answer.js';

/** Never stopped: what has begun is ended by its caller's signal. */
const background = new BackgroundWork('chat');
const NO_CONVERSATION: Conversation = Object.freeze({ turns: [] });
/** Generations of others that a request waits for; when they bring nothing, it asks for itself. */
const MOST_LEADERS = 2;
/**
 * Of its deadline a request waits so long for an answer that comes from elsewhere or in the other form, as its end says nothing of
 * its own. With the defaults that is longer than a plain answer may take.
 */
const SHARE_OF_WAITING = 0.75;

/** The recipe of one request (DESIGN section 5): reserve, load, find, decide, call, finish. */
@Injectable()
export class AnswerChat implements AnswerMaker {
  private readonly accounts: () => AccountBook;

  constructor(
    private readonly config: LiveConfig,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly generations: Generations,
    private readonly renewals: AnswerRenewals,
    private readonly finish: FinishChat,
    private readonly prices: AnsweredPrices,
  ) {
    this.accounts = config.derived((next) => new AccountBook(next));
  }

  /** Resolves when the answer has begun; who calls this relays it. @throws AppError, and the signal's reason */
  async answer(ask: ChatAsk): Promise<ChatExchange> {
    const exchange = await this.begun(ask);
    if (exchange.result) throw ask.signal.reason; // nobody waits for it any more
    return exchange;
  }

  /** Where the request would go; nothing is called or counted. @throws as `DecideRouteCommand` */
  async route(ask: ChatAsk): Promise<RouteDecision> {
    return this.decide(await this.withConversation(this.known(ask)), false);
  }

  private async begun(ask: ChatAsk): Promise<ChatExchange> {
    const { signal } = ask;
    this.finish.running += 1;
    let facts = this.known(ask);
    let part: Participant | null = null;
    try {
      signal.throwIfAborted();
      facts = { ...facts, lease: await this.reserve(ask) };
      signal.throwIfAborted();
      facts = await this.withConversation(facts);
      facts = { ...facts, lookup: await this.find(facts) };
      signal.throwIfAborted();
      const { answer } = facts.lookup;
      if (answer) return this.replayed(facts, answer, null);
      for (let leaders = 0; ; leaders += 1) {
        const joined = leaders < MOST_LEADERS ? this.generations.join(facts.lookup, facts.ask) : null;
        part = joined ?? (await this.lead(facts));
        const ownMs = this.patienceMs(ask, 1);
        const patienceMs = part.isSameForm ? ownMs : this.patienceMs(ask, SHARE_OF_WAITING);
        const verdict = await part.begun(patienceMs, ownMs - patienceMs);
        if (verdict === 'answered') return this.given(facts, part);
        facts = { ...facts, owed: together(part.leave(), facts.owed) };
        part = null;
        if (verdict === 'late') leaders = MOST_LEADERS;
      }
    } catch (error) {
      this.finish.failed(facts, error, part);
      throw error;
    }
  }

  private known(ask: ChatAsk): ChatFacts {
    const { models } = this.config.current;
    return {
      ask,
      lease: NO_LEASE,
      conversation: NO_CONVERSATION,
      previousTarget: null,
      lookup: NOT_LOOKED_UP,
      owed: null,
      ownStrategy: models.find(({ name }) => name === ask.request.model)?.strategy ?? 'priority',
    };
  }

  reserve(ask: ChatAsk): Promise<QuotaLease> {
    const accounts = this.accounts().of(ask.caller, ask.request.model);
    const need = quotaNeed(ask, accounts, this.config.current, this.prices);
    return noted(ask.trace, 'quota.reserve', this.commands.execute(new ReserveQuotaCommand(accounts, need)));
  }

  private async withConversation(facts: ChatFacts): Promise<ChatFacts> {
    const { sessionId, caller, turns, trace } = facts.ask;
    if (sessionId === null || turns.use === 'new') return facts;
    const query = new LoadConversationQuery(caller, sessionId, { upTo: turns.upTo, isWhole: turns.use === 'whole' });
    return withHistory(facts, await noted(trace, 'session.load', this.queries.execute(query)));
  }

  private find({ ask, conversation }: ChatFacts): Promise<CacheLookup> {
    const { caller, request, strategy, cacheControl, trace } = ask;
    const query = new FindAnswerQuery({ caller, request, turns: conversation.turns, strategy, cacheControl });
    return noted(trace, 'cache.lookup', this.queries.execute(query));
  }

  /**
   * How long the answer of another may be waited for.
   *
   * @param share of the request's own deadline; the rest is for asking a model after all
   */
  private patienceMs({ startedAt, request }: ChatAsk, share: number): number {
    const { resilience, targets } = this.config.current;
    const { deadlineMs } = resilience;
    const ownMs = request.stream
      ? deadlineMs
      : Math.max(deadlineMs, ...targets.map(({ timeouts }) => timeouts.plainMs));
    return Math.max(0, ownMs * share - (performance.now() - startedAt));
  }

  /** Has the answer made, for this request and for all who ask the same meanwhile. */
  private async lead(facts: ChatFacts): Promise<Participant> {
    const { key, isShared } = facts.lookup;
    const generation = this.generations.begin(facts, isShared && key !== null && !this.generations.isRunning(key));
    const { leader } = generation;
    if (generation.isShared) background.launch('making an answer', () => this.make(generation, false));
    else await this.make(generation, false);
    return leader;
  }

  async make(generation: Generation, isClaimed: boolean): Promise<void> {
    const { facts, signal } = generation;
    try {
      const claim = isClaimed ? null : await this.claim(generation);
      if (claim?.answer) return generation.find(claim.result, claim.answer);
      const decision = await this.decide(facts, true);
      generation.decision = decision;
      signal.throwIfAborted();
      const { answer, reason } = await this.call(generation, decision);
      const { explanation } = decision;
      const isKnownBetter = reason !== null && explanation !== null;
      generation.begin(answer, isKnownBetter ? { ...decision, explanation: { ...explanation, reason } } : decision);
    } catch (error) {
      generation.fail(error);
    }
  }

  /** @returns `null` where the cache has no say */
  private async claim(generation: Generation): Promise<ClaimResult | null> {
    const { facts, signal, isShared } = generation;
    const { ask, lookup } = facts;
    const { key, result } = lookup;
    if (key === null || result !== 'MISS') return null;
    const patienceMs = this.patienceMs(ask, SHARE_OF_WAITING);
    const asked = { key, isShared, isRenewal: false, patienceMs, signal };
    const claim = await noted(ask.trace, 'cache.claim', this.commands.execute(new ClaimAnswerCommand(asked)));
    generation.lease = claim.lease;
    return claim;
  }

  /** @param live whether it is acted on */
  private decide({ ask, conversation: { turns }, previousTarget }: ChatFacts, live: boolean): Promise<RouteDecision> {
    const { requestId, request, strategy, caller, explain } = ask;
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
  private async call(generation: Generation, decision: RouteDecision): Promise<CascadeResult> {
    const { facts, attempts, signal } = generation;
    const { ask, conversation } = facts;
    const { request, trace } = ask;
    const { deadlineMs, retries } = this.config.current.resilience;
    const budget = new Budget(ask.startedAt, deadlineMs, retries);
    const { candidates, down, escalation } = decision;
    const history = conversation.turns;
    const calls: ModelCalls = { candidates, down, request, history, attempts, budget, signal, trace };
    if (escalation.length > 0) return new Cascade(this.commands, this.queries, generation, calls, escalation).answer();
    return { answer: await this.commands.execute(new CallModelsCommand(calls)), reason: null };
  }

  /** The answer that a request got from a generation. */
  private given(facts: ChatFacts, part: Participant): ChatExchange {
    const { found } = part;
    if (found) return this.replayed({ ...facts, lookup: { ...facts.lookup, ...found } }, found.answer, part);
    const lookup = part.isLeader ? facts.lookup : ({ ...facts.lookup, result: 'SHARED' } as const);
    return new ChatExchange({ ...facts, lookup }, part, this.finish);
  }

  private replayed(
    facts: ChatFacts,
    answer: NonNullable<CacheLookup['answer']>,
    part: Participant | null,
  ): ChatExchange {
    const { ask, lookup } = facts;
    // its own slot is free then
    const afterwards = lookup.result === 'STALE' ? () => this.renewals.renew(facts, this) : null;
    const given = new ReplayedAnswer(answer, ask.request.stream === true, lookup.result === 'SHARED', part, afterwards);
    return new ChatExchange(facts, given, this.finish);
  }
}

import { Injectable } from '@nestjs/common';
import { CommandBus, EventBus } from '@nestjs/cqrs';
import { exactCompletion } from '../../common/answer-shape.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { endOfFailure } from '../../common/http/end-of-failure.js';
import { messagesToKeep } from '../../common/json/numbers.js';
import { withOwnedReasoning } from '../../common/reasoning.js';
import { noted, type RequestTrace } from '../../common/tracing/request-trace.js';
import { isTranslated } from '../../common/translated-request.js';
import { AppendTurnCommand, type TurnToAppend } from '../session/session.messages.js';
import type { RouteDecision } from '../router/router.messages.js';
import { NOT_LOOKED_UP, type ChatFacts } from './chat-facts.js';
import { ChatCompletedEvent, type AnsweredBy, type ChatAsk, type ChatEnd, type ChatTiming } from './chat.messages.js';
import type { Participant } from './participant.js';
import { NO_CHARGE, together, type Charge, type GivenAnswer } from './given-answer.js';

/** What there is to tell of the end of a request. */
interface ToldEnd {
  readonly facts: ChatFacts;
  readonly end: ChatEnd;
  readonly charge: Charge;
  readonly saved: GivenAnswer['saved'];
  readonly timing: ChatTiming;
  readonly decision: RouteDecision | null;
  readonly joined: RequestTrace | null;
}

const NOTHING_SAVED: GivenAnswer['saved'] = Object.freeze({ usd: 0, ms: 0 });

/** Those whose content may stand in the log. */
const tenantsWithContent = ({ tenants }: RouterConfig): ReadonlySet<string> =>
  new Set(Object.entries(tenants).flatMap(([tenant, { logContent }]) => (logContent ? [tenant] : [])));

/** The last step of the recipe: the turn is stored, and everybody is told that the request has ended. */
@Injectable()
export class FinishChat {
  /** Requests that have begun and not ended. */
  running = 0;
  private readonly logged: () => ReadonlySet<string>;

  constructor(
    private readonly commands: CommandBus,
    private readonly events: EventBus,
    config: LiveConfig,
  ) {
    this.logged = config.derived(tenantsWithContent);
  }

  /** @returns whether a durable store has the turn; `null` where there is none to store */
  async storeTurn(
    { ask, conversation }: ChatFacts,
    given: GivenAnswer,
    answered: AnsweredBy,
    latencyMs: number,
  ): Promise<boolean | null> {
    const { caller, sessionId } = ask;
    if (sessionId === null) return null;
    const turn = turnOf(ask, given, answered, latencyMs);
    if (!turn) return false;
    const command = new AppendTurnCommand({ caller, sessionId, turn, began: conversation.began });
    return (await noted(ask.trace, 'turn.store', this.commands.execute(command))).persisted;
  }

  /** Tells of the end, once a request. */
  tell({ facts, end, charge, saved, timing, decision, joined }: ToldEnd): void {
    const { ask, lookup, lease } = facts;
    const { bypass } = lookup;
    const result = lookup === NOT_LOOKED_UP ? null : lookup.result;
    const { billed, attempts, pays } = charge;
    if (!ask.isRenewal) this.running -= 1; // a renewal was not counted
    const savedMs = Math.max(0, saved.ms - timing.totalMs);
    this.events.publish(
      new ChatCompletedEvent({
        ...end,
        requestId: ask.requestId,
        caller: ask.caller,
        requestedModel: ask.request.model,
        ...{ billed, attempts, pays, timing, decision },
        lease,
        cache: { result, bypass, isRenewal: ask.isRenewal, savedUsd: saved.usd, savedMs },
        stream: ask.request.stream === true,
        sessionId: ask.sessionId,
        trace: ask.trace,
        joined,
        asked: this.logged().has(ask.caller.tenant) ? ask.request.messages : null,
      }),
    );
  }

  /**
   * Tells of a request for which no answer has begun. Where its caller left while a model had the prompt, that is told as
   * what came (FAULTS F02).
   *
   * @param part of it in a generation, if any
   */
  failed(facts: ChatFacts, error: unknown, part: Participant | null): void {
    const totalMs = performance.now() - facts.ask.startedAt;
    const own = part?.leave() ?? NO_CHARGE;
    const charge = together(own, facts.owed);
    const left = own.pays && part?.isAsked ? part : null;
    const route = left && { ...left.route, strategy: strategyOf(facts, left.decision) };
    const end = {
      ...endOfFailure(error, false),
      ...{ route, usage: left?.usage ?? null, costUsd: charge.costUsd, completion: null, persisted: null },
    };
    const timing = { totalMs, overheadMs: 0, firstTokenMs: null };
    this.tell({ facts, end, charge, saved: NOTHING_SAVED, timing, decision: part?.decision ?? null, joined: null });
  }
}

/** What is stored of a request and its answer; `null` for an answer without a message. */
function turnOf(
  { request, requestId, turns }: ChatAsk,
  given: GivenAnswer,
  { target, tier, model, simulated, fallback }: AnsweredBy,
  latencyMs: number,
): TurnToAppend['turn'] | null {
  const choice = exactCompletion(given.completion()).choices?.[0];
  if (!choice?.message) return null;
  const { usage, costUsd } = given;
  const answer = isTranslated(request) ? withOwnedReasoning(choice.message, model) : choice.message;
  return {
    requestId,
    messages: [...(turns.keeps ?? messagesToKeep(request)), { role: 'assistant', ...answer }],
    ...{ target, tier, model, simulated, usage, costUsd, latencyMs, fallback },
    cached: given.decision === null,
    ...(turns.response ? { response: { ...turns.response, finish_reason: choice.finish_reason ?? null } } : {}),
  };
}

export const strategyOf = ({ ask, ownStrategy }: ChatFacts, decision: RouteDecision | null): string =>
  decision?.strategy ?? ask.strategy ?? ownStrategy;

import { Injectable } from '@nestjs/common';
import { CommandBus, EventBus } from '@nestjs/cqrs';
import { exactCompletion } from '../../common/answer-shape.js';
import { AppError } from '../../common/app-error.js';
import type { ChatFrame } from '../../common/chat.js';
import { CallerGone } from '../../common/http/caller-signal.js';
import { messagesToKeep } from '../../common/json/numbers.js';
import type { Usage } from '../../common/usage.js';
import { AppendTurnCommand, type Turn } from '../session/session.messages.js';
import type { Billed } from './answer-bill.js';
import type { ChatFacts } from './chat-facts.js';
import { ChatCompletedEvent, type AnsweredBy, type ChatEnd, type ChatTiming } from './chat.messages.js';

const CLIENT_CLOSED_REQUEST = 499; // nginx's number for a caller that went away

/** An end without what only an answer that has begun can say. */
export type HowItEnded = Omit<ChatEnd, 'route' | 'costUsd'>;

const NOTHING_CAME = { route: null, usage: null, costUsd: null, completion: null, persisted: null };

/** An answer as it is stored with its turn. */
type AnsweredTurn = Pick<Turn, 'costUsd' | 'latencyMs'> & { answer: ChatFrame; route: AnsweredBy; usage: Usage };

/** The last step of the recipe: the turn is stored, and everybody is told that the request has ended. */
@Injectable()
export class FinishChat {
  constructor(
    private readonly commands: CommandBus,
    private readonly events: EventBus,
  ) {}

  /** @returns whether a durable store has the turn; `null` where there is none to store */
  async storeTurn(
    { ask, conversation, lookup }: ChatFacts,
    { answer, route, usage, costUsd, latencyMs }: AnsweredTurn,
  ): Promise<boolean | null> {
    if (ask.sessionId === null) return null;
    const message = exactCompletion(answer).choices?.[0]?.message;
    if (!message) return false;
    const { target, tier, model, simulated, fallback } = route;
    const turn = {
      requestId: ask.requestId,
      messages: [...messagesToKeep(ask.request), { role: 'assistant', ...message }],
      ...{ target, tier, model, simulated, usage, costUsd, latencyMs, fallback },
      cached: lookup.answer !== null,
    };
    const { caller, sessionId } = ask;
    const command = new AppendTurnCommand({ caller, sessionId, turn, began: conversation.began });
    return (await this.commands.execute(command)).persisted;
  }

  /** Tells of the end, once a request. */
  tell(facts: ChatFacts, end: ChatEnd, billed: Billed, timing: ChatTiming): void {
    const { ask, lookup, lease, attempts } = facts;
    this.events.publish(
      new ChatCompletedEvent({
        ...end,
        requestId: ask.requestId,
        caller: ask.caller,
        requestedModel: ask.request.model,
        billed,
        attempts: attempts.all,
        timing,
        quotaLeaseId: lease.id,
        cache: { result: lookup.result, key: lookup.key },
        stream: ask.request.stream === true,
        sessionId: ask.sessionId,
        traceparent: ask.traceparent,
      }),
    );
  }

  /** Tells of a request for which no answer has begun. */
  failed(facts: ChatFacts, error: unknown): void {
    const end = { ...endOfFailure(error, false), ...NOTHING_CAME };
    const totalMs = performance.now() - facts.ask.startedAt;
    this.tell(facts, end, facts.bill.extra, { totalMs, overheadMs: 0, firstTokenMs: null });
  }
}

/** @param isStreaming whether a stream may have begun to go out */
export function endOfFailure(error: unknown, isStreaming: boolean): Pick<ChatEnd, 'outcome' | 'status' | 'errorCode'> {
  if (error instanceof CallerGone) return { outcome: 'aborted', status: CLIENT_CLOSED_REQUEST, errorCode: null };
  const { code, status } = error instanceof AppError ? error : { code: 'internal_error', status: 500 };
  return isStreaming
    ? { outcome: 'cut', status: 200, errorCode: code }
    : { outcome: 'failed', status, errorCode: code };
}

import type { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Budget } from '../../common/budget.js';
import type { ChatChunk, Completion } from '../../common/chat.js';
import type { TargetStatus } from '../../common/target.js';
import { CallModelsCommand, type ModelAnswer } from '../resilience/resilience.messages.js';
import { CheckAnswerQuery, type RouteDecision } from '../router/router.messages.js';
import type { ChatExchange } from './chat-exchange.js';

interface WholeAnswer {
  readonly answer: ModelAnswer;
  readonly chunks: readonly ChatChunk[];
  readonly json: Completion;
}

/** What a cascade came to. */
export interface CascadeResult {
  readonly answer: ModelAnswer;
  /** Sentence for the decision record. */
  readonly reason: string;
}

/**
 * Asks the cheap side, checks its answer, compares it with a second one where it ends in a number or an option, and
 * asks the strong side when a check fails. Only targets that the decision allows are asked. When the strong side fails,
 * the cheap answer goes out: it is better than none.
 *
 * @throws AppError when no target answered
 */
export class CascadeAnswer {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly exchange: ChatExchange,
    private readonly budget: Budget,
    private readonly targets: Pick<RouteDecision, 'candidates' | 'escalation' | 'down'>,
  ) {}

  async answer(): Promise<CascadeResult> {
    const { candidates, escalation } = this.targets;
    const first = await this.whole(candidates);
    // another side than asked has answered already
    if (escalation.includes(first.answer.target)) return this.result(first, 'No cheap target answered.');
    const fault = await this.faultOf(first, candidates);
    if (this.exchange.ask.signal.aborted) this.spendAndLeave(first);
    if (fault === null) return this.result(first, 'The cheap answer passed every check.');
    try {
      const strong = await this.call(escalation);
      this.spend(first);
      return { answer: strong, reason: `The cheap answer was not kept: ${fault}.` };
    } catch {
      if (this.exchange.ask.signal.aborted) this.spendAndLeave(first);
      return this.result(first, `The cheap answer is doubtful (${fault}), but no strong target answered.`);
    }
  }

  private async faultOf(first: WholeAnswer, candidates: readonly TargetStatus[]): Promise<string | null> {
    const { request } = this.exchange.ask;
    const verdict = await this.queries.execute(new CheckAnswerQuery(request, first.json));
    if (verdict.fault !== null || verdict.final === null) return verdict.fault;
    const second = await this.whole(candidates).catch(() => null);
    if (!second) return this.exchange.ask.signal.aborted ? null : 'no second answer could confirm it';
    this.spend(second);
    const other = await this.queries.execute(new CheckAnswerQuery(request, second.json));
    return other.final === verdict.final ? null : 'a second cheap answer disagrees';
  }

  private call(candidates: readonly TargetStatus[]): Promise<ModelAnswer> {
    const { ask, history, attempts } = this.exchange;
    return this.commands.execute(
      new CallModelsCommand(candidates, ask.request, history, attempts, this.budget, ask.signal, this.targets.down),
    );
  }

  private async whole(candidates: readonly TargetStatus[]): Promise<WholeAnswer> {
    const answer = await this.call(candidates);
    const chunks: ChatChunk[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    return { answer, chunks, json: chunks.at(-1)?.frames.at(-1)?.json ?? {} };
  }

  private spend({ json, answer }: WholeAnswer): void {
    const { exchange } = this;
    exchange.bill.addUnused(answer.target, { promptTokens: () => exchange.promptTokens(), answer: () => json });
  }

  /** Nobody waits any more. @throws the signal's reason */
  private spendAndLeave(first: WholeAnswer): never {
    this.spend(first);
    throw this.exchange.ask.signal.reason;
  }

  private result({ answer, chunks }: WholeAnswer, reason: string): CascadeResult {
    const { model, target, fallback, upstreamMs } = answer;
    const replay = async function* () {
      yield* chunks;
    };
    return {
      answer: { model, target, fallback, upstreamMs, [Symbol.asyncIterator]: replay, abandon: async () => undefined },
      reason,
    };
  }
}

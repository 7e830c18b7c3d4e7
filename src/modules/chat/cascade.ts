import type { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { ChatChunk, Completion } from '../../common/chat.js';
import { WholeAnswer } from '../../common/chunk-stream.js';
import type { TargetStatus } from '../../common/target.js';
import { CallModelsCommand, type ModelAnswer, type ModelCalls } from '../resilience/resilience.messages.js';
import { CheckAnswerQuery } from '../router/router.messages.js';
import { promptTokens } from './chat-facts.js';
import { ReplayedChunks } from './completion-replay.js';
import type { Generation } from './generation.js';

/** A plain answer that has been read. */
interface ReadAnswer {
  readonly answer: ModelAnswer;
  readonly chunks: readonly ChatChunk[];
  readonly json: Completion;
}

/** What a cascade came to. */
export interface CascadeResult {
  readonly answer: ModelAnswer;
  /** Sentence for the decision record; `null` without a cascade. */
  readonly reason: string | null;
}

/**
 * Asks the cheap side, checks its answer, compares it with a second one where it ends in a number or an option, and
 * asks the strong side when a check fails. Only targets that the decision allows are asked. When the strong side fails,
 * the cheap answer goes out: it is better than none.
 *
 * @throws AppError when no target answered
 */
export class Cascade {
  /** @param calls of the cheap side @param escalation the strong side */
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly generation: Pick<Generation, 'facts' | 'bill'>,
    private readonly calls: ModelCalls,
    private readonly escalation: readonly TargetStatus[],
  ) {}

  async answer(): Promise<CascadeResult> {
    const { escalation } = this;
    const first = await this.whole();
    // another side than asked has answered already
    if (escalation.includes(first.answer.target)) return this.result(first, 'No cheap target answered.');
    const fault = await this.faultOf(first);
    if (this.calls.signal.aborted) this.spendAndLeave(first);
    if (fault === null) return this.result(first, 'The cheap answer passed every check.');
    try {
      const strong = await this.commands.execute(new CallModelsCommand({ ...this.calls, candidates: escalation }));
      this.spend(first);
      return { answer: strong, reason: `The cheap answer was not kept: ${fault}.` };
    } catch {
      if (this.calls.signal.aborted) this.spendAndLeave(first);
      return this.result(first, `The cheap answer is doubtful (${fault}), but no strong target answered.`);
    }
  }

  private async faultOf(first: ReadAnswer): Promise<string | null> {
    const { request } = this.generation.facts.ask;
    const verdict = await this.queries.execute(new CheckAnswerQuery(request, first.json));
    if (verdict.fault !== null || verdict.final === null) return verdict.fault;
    const second = await this.whole().catch(() => null);
    if (!second) return this.calls.signal.aborted ? null : 'no second answer could confirm it';
    this.spend(second);
    const other = await this.queries.execute(new CheckAnswerQuery(request, second.json));
    return other.final === verdict.final ? null : 'a second cheap answer disagrees';
  }

  private async whole(): Promise<ReadAnswer> {
    const answer = await this.commands.execute(new CallModelsCommand(this.calls));
    const whole = new WholeAnswer();
    answer.relay(whole);
    const chunks = await whole.chunks;
    return { answer, chunks, json: chunks.at(-1)?.frames.at(-1)?.json ?? {} };
  }

  private spend({ json, answer }: ReadAnswer): void {
    const ofPrompt = (): number => promptTokens(this.generation.facts, null);
    const read = (): Completion => json;
    this.generation.bill.addUnused(answer, { promptTokens: ofPrompt, answer: read }); // not written there, see adr/0020
  }

  /** Nobody waits any more. @throws the signal's reason */
  private spendAndLeave(first: ReadAnswer): never {
    this.spend(first);
    throw this.calls.signal.reason;
  }

  private result({ answer, chunks }: ReadAnswer, reason: string): CascadeResult {
    return { answer: new ReadAgain(answer, chunks), reason };
  }
}

/** An answer that has been read, as if it had just begun. */
class ReadAgain extends ReplayedChunks implements ModelAnswer {
  readonly model: string;
  readonly target: TargetStatus;
  readonly fallback: boolean;
  readonly recovered: boolean;
  override readonly upstreamMs: number;

  constructor({ model, target, fallback, recovered, upstreamMs }: ModelAnswer, chunks: readonly ChatChunk[]) {
    super(chunks);
    this.model = model;
    this.target = target;
    this.fallback = fallback;
    this.recovered = recovered;
    this.upstreamMs = upstreamMs;
  }
}

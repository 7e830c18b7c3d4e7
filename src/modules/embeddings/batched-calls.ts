import type { CommandBus } from '@nestjs/cqrs';
import { ContextLengthExceeded, InvalidRequest, UpstreamError } from '../../common/app-error.js';
import { AttemptLog, type Attempt } from '../../common/attempt.js';
import type { Budget } from '../../common/budget.js';
import { WholeAnswer } from '../../common/chunk-stream.js';
import { lengthOf, VectorsFrame, type EmbeddingRequest } from '../../common/embeddings.js';
import type { RequestTrace } from '../../common/tracing/request-trace.js';
import type { MadeVector } from '../cache/cache.messages.js';
import { EmbedModelsCommand, type ModelAnswer } from '../resilience/resilience.messages.js';
import { batchesOf, halvesOf, saysTooManyInputs, type Batch, type BatchLimits } from './embedding-batches.js';
import type { EmbeddingBill } from './embedding-bill.js';
import type { AskableTargets } from './embedding-targets.js';
import { asCallerKnows } from './refused-inputs.js';

/** Calls of one request at a time. */
const AT_A_TIME = 4;

/** Inputs that vectors are to be made of. */
export interface InputsToEmbed {
  /** With all of the inputs, in order. */
  readonly request: EmbeddingRequest;
  /** Of each input, estimated. */
  readonly tokens: readonly number[];
  /** Of what every call has beside them, estimated. */
  readonly beside: number;
  /** How the caller knows each input, such as `input[3]`. */
  readonly fields: readonly string[];
}

/** Who makes them, and what it may take. */
export interface CallTerms extends AskableTargets {
  readonly limits: BatchLimits;
  readonly budget: Budget;
  readonly bill: EmbeddingBill;
  readonly signal: AbortSignal;
  readonly trace: RequestTrace | null;
}

/** The first answer of a request tells who made its vectors. */
type First = Pick<ModelAnswer, 'target' | 'model'>;

/**
 * Has the vectors of all inputs made in batches, a few at a time. A batch that is too much for a target goes in two halves,
 * and what the target has refused is not tried again by this request.
 */
export class BatchedCalls {
  readonly vectors: MadeVector[];
  first: First | null = null;
  /** Whether another target than the first candidate made some. */
  fallback = false;
  /** The most inputs that a call may have, where a target was found to take fewer. */
  foundMost: number | null = null;
  private readonly waiting: Batch[];
  private readonly logs: AttemptLog[] = [];
  private mostInputs: number;
  /** Ends the other calls when one has failed for good. */
  private readonly stop = new AbortController();
  private readonly signal: AbortSignal;

  constructor(
    private readonly commands: CommandBus,
    private readonly given: InputsToEmbed,
    private readonly terms: CallTerms,
  ) {
    this.vectors = new Array<MadeVector>(given.tokens.length);
    this.waiting = batchesOf(given.tokens, terms.limits);
    this.mostInputs = terms.limits.inputs;
    this.signal = AbortSignal.any([terms.signal, this.stop.signal]);
  }

  /** In the order they were begun, batch by batch. */
  get attempts(): Attempt[] {
    return this.logs.flatMap(({ all }) => all);
  }

  /** Resolves when all vectors are there. @throws AppError, and the signal's reason; no call is under way then */
  async make(): Promise<void> {
    let failure: { readonly error: unknown } | null = null;
    const work = async (): Promise<void> => {
      try {
        for (let batch = this.next(); batch; batch = this.next()) await this.makeOf(batch);
      } catch (error) {
        failure ??= { error };
        this.stop.abort(error);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    this.terms.signal.throwIfAborted();
    if (failure !== null) throw (failure as { readonly error: unknown }).error;
  }

  /** The next batch, no larger than what targets were found to take. */
  private next(): Batch | undefined {
    if (this.stop.signal.aborted) return undefined;
    const batch = this.waiting.shift();
    if (!batch || batch.to - batch.from <= this.mostInputs) return batch;
    const middle = batch.from + this.mostInputs;
    this.waiting.unshift({ from: middle, to: batch.to });
    return { from: batch.from, to: middle };
  }

  private async makeOf(batch: Batch): Promise<void> {
    const attempts = new AttemptLog();
    this.logs.push(attempts);
    const startedAt = performance.now();
    const { candidates, down, budget, bill, trace } = this.terms;
    const { request } = this.given;
    const part = { ...request, input: request.input.slice(batch.from, batch.to) };
    const calls = { candidates, down, budget, trace, request: part, attempts, signal: this.signal };
    try {
      const answer = await this.commands.execute(new EmbedModelsCommand(calls));
      this.take(batch, answer, await frameOf(answer), performance.now() - startedAt);
    } catch (error) {
      for (const target of attempts.left) bill.addLeft(target, this.tokensOf(batch));
      this.tryInHalves(batch, error);
    }
  }

  /** @throws the error, where smaller batches are no help */
  private tryInHalves(batch: Batch, error: unknown): void {
    const isTooMany = error instanceof InvalidRequest && saysTooManyInputs(error.message);
    if (!isTooMany && !(error instanceof ContextLengthExceeded)) throw this.placed(batch, error);
    const halves = halvesOf(batch);
    if (!halves) throw this.placed(batch, error);
    this.waiting.unshift(...halves);
    const [{ from, to }] = halves;
    this.mostInputs = Math.min(this.mostInputs, to - from);
    if (isTooMany) this.foundMost = this.mostInputs;
  }

  private placed({ from, to }: Batch, error: unknown): unknown {
    return asCallerKnows(error, this.given.fields.slice(from, to));
  }

  private take(batch: Batch, { target, model, fallback }: ModelAnswer, frame: VectorsFrame, tookMs: number): void {
    const estimate = this.tokensOf(batch);
    const cost = this.terms.bill.add({ target, model }, frame.json.usage, estimate);
    this.checkLength(frame.vectors[0]!);
    const ofInputs = estimate - this.given.beside;
    this.first ??= { target, model };
    this.fallback ||= fallback;
    for (const [i, vector] of frame.vectors.entries()) {
      const at = batch.from + i;
      const share = ofInputs === 0 ? 0 : this.given.tokens[at]! / ofInputs;
      this.vectors[at] = {
        ...{ vector, model, tookMs, target: target.id, tier: target.tier },
        tokens: Math.round(cost.tokens * share),
        costUsd: cost.costUsd === null ? null : cost.costUsd * share,
      };
    }
  }

  /**
   * Some servers do not know `dimensions`, and give vectors of another length than was asked for. As those that refuse it,
   * that is no fault of theirs: trying again would not help, and they stay up.
   *
   * @throws InvalidRequest
   */
  private checkLength(vector: string): void {
    const asked = this.given.request['dimensions'];
    const length = lengthOf(vector);
    if (typeof asked !== 'number' || asked === length) return;
    throw new InvalidRequest(
      `dimensions: the model gives vectors of ${length} numbers, and not of ${asked}; leave dimensions out, or name a model that has a choice`,
      'dimensions',
    );
  }

  private tokensOf({ from, to }: Batch): number {
    let sum = this.given.beside;
    for (let at = from; at < to; at += 1) sum += this.given.tokens[at]!;
    return sum;
  }
}

async function frameOf(answer: ModelAnswer): Promise<VectorsFrame> {
  const whole = new WholeAnswer();
  answer.relay(whole);
  const [chunk] = await whole.chunks;
  const [frame] = chunk?.frames ?? [];
  if (frame instanceof VectorsFrame) return frame;
  throw new UpstreamError('The model server answered with something that is no list of vectors.');
}

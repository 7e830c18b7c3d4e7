import { Injectable } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { UpstreamError } from '../../common/app-error.js';
import { AccountBook, countsMoney } from '../../common/accounts.js';
import { Budget } from '../../common/budget.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { EmbeddingRequest } from '../../common/embeddings.js';
import { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { TargetStatus } from '../../common/target.js';
import { estimateBesideTokens, estimateInputTokens } from '../../common/token-estimate.js';
import { noted } from '../../common/tracing/request-trace.js';
import { FindVectorsQuery, KeepVectorsCommand, type MadeVector, type VectorLookup } from '../cache/cache.messages.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { ReserveQuotaCommand, type QuotaLease } from '../quota/quota.messages.js';
import { BatchedCalls, type InputsToEmbed } from './batched-calls.js';
import { answerPieces } from './embedding-answer.js';
import type { EmbeddingAsk } from './embedding-ask.js';
import { MOST_OF_A_CALL } from './embedding-batches.js';
import { EmbeddingExchange, FinishEmbeddings } from './embedding-exchange.js';
import { embeddingNeed } from './embedding-need.js';
import { askable, embeddersOf, type Embedders } from './embedding-targets.js';
import { privateInputs } from './private-inputs.js';
import { haveOneLength, missingIn, type VectorPlaces } from './vector-places.js';

/** The recipe of one request for vectors: reserve, choose, find, call, keep, finish. */
@Injectable()
export class AnswerEmbeddings {
  private readonly accounts: () => AccountBook;
  /** The most inputs of a call that a deployment takes, where it was found to take fewer than usual. */
  private readonly mostInputs = new WeakMap<object, number>();

  constructor(
    private readonly config: LiveConfig,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly finish: FinishEmbeddings,
    private readonly prices: AnsweredPrices,
  ) {
    this.accounts = config.derived((next) => new AccountBook(next));
  }

  /** The end of the request is told, however it ends. @throws AppError, and the signal's reason */
  async answer(ask: EmbeddingAsk): Promise<EmbeddingExchange> {
    const exchange = this.finish.begin(ask, this.config.current.targets, this.prices);
    const { signal } = ask;
    try {
      signal.throwIfAborted();
      exchange.lease = await this.reserve(ask);
      signal.throwIfAborted();
      const targets = await this.queries.execute(new ListTargetsQuery());
      const embedders = embeddersOf(ask.body.model, targets, this.config.current, ask.caller.tenant);
      const lookup = (exchange.lookup = await this.find(ask, embedders));
      signal.throwIfAborted();
      const vectors = await this.completed(exchange, embedders, lookup);
      const { model, simulated } = exchange.route!;
      const { form } = ask;
      const made = vectors.map(({ vector }) => vector);
      exchange.body = await answerPieces({ vectors: made, form, model, simulated, usage: exchange.usage });
      signal.throwIfAborted();
    } catch (error) {
      this.finish.failed(exchange, error);
      throw error;
    }
    this.finish.answered(exchange);
    return exchange;
  }

  private reserve(ask: EmbeddingAsk): Promise<QuotaLease> {
    const { caller, body, trace } = ask;
    const accounts = this.accounts().of(caller, body.model);
    const need = embeddingNeed(ask, accounts, this.config.current, this.prices);
    return noted(trace, 'quota.reserve', this.commands.execute(new ReserveQuotaCommand(accounts, need)));
  }

  private find(ask: EmbeddingAsk, { model }: Embedders): Promise<VectorLookup> {
    const { caller, body, inputs, settings, cacheControl, trace } = ask;
    const query = new FindVectorsQuery({ caller, askedModel: body.model, model, settings, inputs, cacheControl });
    return noted(trace, 'cache.lookup', this.queries.execute(query));
  }

  /**
   * The vectors of all inputs: those that are kept, and the others made. Where they have not all one length, the model has
   * changed since some were kept: those are dropped and made anew.
   */
  private async completed(
    exchange: EmbeddingExchange,
    embedders: Embedders,
    lookup: VectorLookup,
  ): Promise<readonly MadeVector[]> {
    const { vectors, result } = lookup;
    const fits = haveOneLength(vectors);
    if (result === 'HIT' && fits) return exchange.give(vectors.map((vector) => vector!));
    const whole: VectorPlaces = fits ? [...vectors] : vectors.map(() => null);
    await this.fill(exchange, embedders, whole);
    const isStale = fits && !haveOneLength(whole);
    if (isStale) {
      for (const [at, vector] of vectors.entries()) if (vector !== null) whole[at] = null;
      await this.fill(exchange, embedders, whole);
    }
    if (!fits || isStale) exchange.lookup = { ...lookup, result: 'MISS', vectors: vectors.map(() => null) };
    if (!haveOneLength(whole)) throw ofSeveralModels();
    await this.keep(exchange, lookup, whole as MadeVector[], !fits || isStale);
    return whole as MadeVector[];
  }

  /** Makes those that are missing: equal inputs have one vector. */
  private async fill(exchange: EmbeddingExchange, embedders: Embedders, whole: VectorPlaces): Promise<void> {
    const missing = missingIn(whole, exchange.ask.inputs);
    const first = missing.map(([at]) => at!);
    const made = await this.make(exchange, embedders, first);
    for (const [i, places] of missing.entries()) for (const at of places) whole[at] = made[i]!;
  }

  /** @param replaces whether what was kept is of no use any more */
  private async keep(
    { ask, route }: EmbeddingExchange,
    { keys, vectors, bypass }: VectorLookup,
    whole: readonly MadeVector[],
    replaces: boolean,
  ): Promise<void> {
    if (!keys || route!.simulated) return;
    const { caller, body, startedAt: beganAt } = ask;
    const made = new Map<string, MadeVector>();
    for (const [at, key] of keys.entries()) if (whole[at] !== vectors[at]) made.set(key, whole[at]!);
    const toKeep = { caller, askedModel: body.model, vectors: made, beganAt };
    await this.commands.execute(new KeepVectorsCommand({ ...toKeep, replaces: replaces || bypass === 'no_cache' }));
  }

  private async make(
    exchange: EmbeddingExchange,
    embedders: Embedders,
    missing: readonly number[],
  ): Promise<readonly MadeVector[]> {
    const { ask, bill } = exchange;
    const { candidates, down } = this.askable(ask, embedders.targets);
    const { deadlineMs, retries } = this.config.current.resilience;
    const { deployment } = candidates[0]!;
    const inputs = this.mostInputs.get(deployment) ?? MOST_OF_A_CALL.inputs;
    const calls = new BatchedCalls(this.commands, inputsToEmbed(ask, missing), {
      ...{ candidates, down, bill, signal: ask.signal, trace: ask.trace },
      limits: { ...MOST_OF_A_CALL, inputs },
      budget: new Budget(ask.startedAt, deadlineMs, retries),
    });
    await exchange.call(calls, embedders);
    if (calls.foundMost !== null) this.mostInputs.set(deployment, calls.foundMost);
    return calls.vectors;
  }

  private askable(ask: EmbeddingAsk, targets: readonly TargetStatus[]) {
    const { privacy, limits } = this.config.current;
    const { inputs, settings, body } = ask;
    const look = () => privateInputs(inputs, { ...settings, user: body.user }, ask.isList, privacy.detect);
    const mustCount = limits.unpriced === 'refuse' && countsMoney(this.accounts().of(ask.caller, body.model));
    return askable(targets, {
      privateInputs: privacy.localOnly ? look : null,
      onlyPriced: mustCount ? this.prices : null,
      random: Math.random(),
    });
  }
}

function inputsToEmbed(ask: EmbeddingAsk, missing: readonly number[]): InputsToEmbed {
  const { body, inputs, settings, form, isList } = ask;
  const input = missing.map((at) => inputs[at]!);
  const { user } = body;
  const request: EmbeddingRequest = {
    ...{ ...settings, ...(user ? { user } : {}) },
    ...{ model: body.model, input, encoding_format: form },
  };
  return {
    request,
    tokens: input.map((one) => Math.max(1, estimateInputTokens(one))),
    beside: estimateBesideTokens(settings),
    fields: missing.map((at) => (isList ? `input[${at}]` : 'input')),
  };
}

const ofSeveralModels = (): UpstreamError =>
  new UpstreamError('The model servers gave vectors of different lengths for one request.').final();

import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';
import type { Attempt } from '../../../common/attempt.js';
import type { RouterConfig } from '../../../common/config/config.schema.js';
import { AUTO_MODEL, LiveConfig } from '../../../common/config/live-config.js';
import { OTHER } from '../../../common/logging/outside-text.js';
import { embeddingModels } from '../../../common/target.js';
import type { CacheUse, CompletedChat } from '../../chat/chat.messages.js';
import { operationOf, PROVIDER_NAMES, type Operation } from '../genai-names.js';
import { NO_TARGET, type Spending } from '../usage/usage-row.js';
import { BoundCounter, BoundHistogram } from './bound-series.js';
import { ClosedNames } from './closed-names.js';
import { Exemplars } from './exemplars.js';
import { MetricRegistry } from './metric-registry.js';
import { GenAiMeters, RouteMeters, RouteMetrics } from './route-meters.js';
import { TargetMeters, type TargetCounters } from './target-meters.js';

const OVERHEAD_BUCKETS_SECONDS = [0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const MS_PER_SECOND = 1000;

/** Results of the cache for which nothing had to be decided. */
const NOT_DECIDED: ReadonlySet<string | null> = new Set(['HIT', 'STALE', 'SHARED']);

/** The HTTP status, or how a stream ended that did not end well: its status went out before that was known. */
const statusLabel = ({ stream, outcome, status }: CompletedChat): number | string =>
  stream && (outcome === 'cut' || outcome === 'aborted') ? outcome : status;

const targetIds = ({ targets }: RouterConfig): ReadonlySet<string> => new Set(targets.map(({ id }) => id));
const modelNames = ({ models, targets }: RouterConfig): ReadonlySet<string> =>
  new Set([
    ...[AUTO_MODEL, ...models.map(({ name }) => name)],
    ...[...targets.map(({ id }) => id), ...embeddingModels(targets)],
  ]);
const providersOf = ({ targets }: RouterConfig): ReadonlyMap<string, string> =>
  new Map(targets.map(({ id, provider }) => [id, PROVIDER_NAMES[provider]]));

/** What a request comes to when it has ended; every series is looked up in a Map and bound once. */
@Injectable()
export class RequestMeters {
  private readonly models: ClosedNames;
  private readonly targets: ClosedNames;
  private readonly providers: () => ReadonlyMap<string, string>;

  private readonly routes: RouteMetrics;
  private readonly perTarget: TargetCounters;
  private readonly overhead: BoundHistogram;
  private readonly fallbacks: Counter;
  private readonly cache: Counter;
  private readonly bypasses: Counter;
  private readonly savedUsd: Counter;
  private readonly savedSeconds: Counter;
  private readonly others: Counter;

  /** By model and target. */
  private readonly byRoute = new Map<string, Map<string, RouteMeters>>();
  /** By model and provider. */
  private readonly byProvider: Readonly<Record<Operation, Map<string, Map<string, GenAiMeters>>>> = {
    chat: new Map(),
    embeddings: new Map(),
  };
  private readonly byTarget = new Map<string, TargetMeters>();
  private readonly byCacheResult = new Map<string, BoundCounter>();

  constructor(
    metrics: MetricRegistry,
    private readonly exemplars: Exemplars,
    config: LiveConfig,
  ) {
    this.models = new ClosedNames(config.derived(modelNames), [OTHER]);
    this.targets = new ClosedNames(config.derived(targetIds), [OTHER, NO_TARGET]);
    this.providers = config.derived(providersOf);
    this.routes = new RouteMetrics(metrics);
    this.perTarget = {
      attempts: metrics.counter('router_attempts_total', 'Calls of model servers.', ['target', 'outcome']),
      decisions: metrics.counter('router_decisions_total', 'Routing decisions that led to an answer.', [
        ...['strategy', 'target', 'reason'],
      ]),
    };
    const overhead = metrics.histogram(
      'router_overhead_seconds',
      "The router's own share of the time until an answer began.",
      { buckets: OVERHEAD_BUCKETS_SECONDS },
    );
    this.overhead = new BoundHistogram(overhead, {}, OVERHEAD_BUCKETS_SECONDS);
    this.fallbacks = metrics.counter('router_fallbacks_total', 'Switches to another target.', ['from', 'to', 'why']);
    this.cache = metrics.counter('router_cache_total', 'Answer cache look-ups.', ['result']);
    this.bypasses = metrics.counter('router_cache_bypasses_total', 'Requests that wanted no kept answer.', ['cause']);
    this.savedUsd = metrics.counter('router_cache_saved_usd_total', 'Known cost of answers not made again, USD.');
    this.savedSeconds = metrics.counter(
      'router_cache_saved_seconds_total',
      'Time that making answers again would have taken.',
    );
    this.others = metrics.counter('router_http_requests_total', 'Requests to routes that call no model, ended.', [
      ...['route', 'status'],
    ]);
  }

  /**
   * @param model the name asked for, as it may stand in a label
   * @param traceId of a trace that is kept; else `null`
   */
  recordChat(chat: CompletedChat, model: string, spent: Readonly<Spending>, traceId: string | null = null): void {
    const { route, cache, attempts } = chat;
    const isDecided = !NOT_DECIDED.has(cache.result);
    const meters = this.meters(model, route?.target ?? NO_TARGET);
    if (!cache.isRenewal) meters.ended(statusLabel(chat)).inc(); // nobody's request, and its tokens are paid all the same
    meters.promptTokens.inc(spent.prompt_tokens);
    meters.completionTokens.inc(spent.completion_tokens);
    meters.cost.inc(spent.cost_usd);
    this.recordTiming(meters, chat, traceId);
    this.recordCache(cache);
    // An answer that was made before, or for somebody else, has the route of then.
    if (route && isDecided) this.target(route.target).decision(route.strategy, route.reasonCode).inc();
    this.recordAttempts(attempts);
    if (isDecided) this.recordOperation(chat, model, spent);
  }

  /** A request to a route that calls models, of which nobody else tells: refused before a model was chosen, or replayed. */
  recordUnanswered(model: string, status: number): void {
    this.meters(model, NO_TARGET).ended(status).inc();
  }

  /** A request of any other route. @param route its pattern, or `other` */
  recordHttp(route: string, status: number): void {
    this.others.inc({ route, status });
  }

  private recordTiming(
    meters: RouteMeters,
    { outcome, stream, timing, cache }: CompletedChat,
    traceId: string | null,
  ): void {
    const { totalMs, overheadMs, firstTokenMs } = timing;
    if (outcome !== 'aborted' && !cache.isRenewal)
      this.exemplars.observe(meters.response, totalMs / MS_PER_SECOND, traceId);
    if (firstTokenMs === null) return;
    this.overhead.observe(overheadMs / MS_PER_SECOND);
    if (stream) this.exemplars.observe(meters.ttft, firstTokenMs / MS_PER_SECOND, traceId);
  }

  private recordCache({ result, bypass, savedUsd, savedMs }: CacheUse): void {
    if (result === null) return;
    let bound = this.byCacheResult.get(result);
    if (!bound) this.byCacheResult.set(result, (bound = new BoundCounter(this.cache, { result })));
    bound.inc();
    if (bypass !== null) this.bypasses.inc({ cause: bypass });
    if (savedUsd > 0) this.savedUsd.inc(savedUsd);
    if (savedMs > 0) this.savedSeconds.inc(savedMs / MS_PER_SECOND);
  }

  /** A fallback is a step from one target to another in the order of attempts. */
  private recordAttempts(attempts: readonly Attempt[]): void {
    let before: Attempt | null = null;
    for (const attempt of attempts) {
      const meters = this.target(attempt.target);
      meters.attempt(attempt.outcome).inc();
      if (before && before.target !== attempt.target) {
        const from = this.targets.label(before.target);
        this.fallbacks.inc({ from, to: meters.target, why: before.outcome });
      }
      before = attempt;
    }
  }

  /** By the GenAI conventions, which know of operations of models: nothing where none was called. */
  private recordOperation(chat: CompletedChat, model: string, spent: Readonly<Spending>): void {
    const { attempts, route, outcome, errorCode, timing, stream } = chat;
    const target = route?.target ?? attempts.at(-1)?.target;
    if (target === undefined || attempts.length === 0) return;
    const meters = this.genAi(model, this.providers().get(target) ?? OTHER, operationOf(chat));
    meters.duration(outcome === 'answered' ? null : (errorCode ?? outcome)).observe(timing.totalMs / MS_PER_SECOND);
    if (spent.prompt_tokens > 0) meters.inputTokens.observe(spent.prompt_tokens);
    if (spent.completion_tokens > 0) meters.outputTokens.observe(spent.completion_tokens);
    if (stream && timing.firstTokenMs !== null && outcome === 'answered')
      meters.ttft.observe(timing.firstTokenMs / MS_PER_SECOND);
  }

  private meters(model: string, target: string): RouteMeters {
    return (
      this.byRoute.get(model)?.get(target) ?? this.firstMeters(this.models.label(model), this.targets.label(target))
    );
  }

  private firstMeters(model: string, target: string): RouteMeters {
    const targets = within(this.byRoute, model);
    let meters = targets.get(target);
    if (!meters) targets.set(target, (meters = new RouteMeters(this.routes, { model, target })));
    return meters;
  }

  private genAi(model: string, provider: string, operation: Operation): GenAiMeters {
    const known = this.byProvider[operation].get(model)?.get(provider);
    return known ?? this.firstGenAi(this.models.label(model), provider, operation);
  }

  private firstGenAi(model: string, provider: string, operation: Operation): GenAiMeters {
    const providers = within(this.byProvider[operation], model);
    let meters = providers.get(provider);
    if (!meters) providers.set(provider, (meters = new GenAiMeters(this.routes, model, provider, operation)));
    return meters;
  }

  private target(id: string): TargetMeters {
    return this.byTarget.get(id) ?? this.firstTarget(this.targets.label(id));
  }

  private firstTarget(target: string): TargetMeters {
    let meters = this.byTarget.get(target);
    if (!meters) this.byTarget.set(target, (meters = new TargetMeters(this.perTarget, target)));
    return meters;
  }
}

function within<T>(outer: Map<string, Map<string, T>>, name: string): Map<string, T> {
  let inner = outer.get(name);
  if (!inner) outer.set(name, (inner = new Map<string, T>()));
  return inner;
}

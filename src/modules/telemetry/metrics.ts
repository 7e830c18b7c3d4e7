import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Attempt } from '../../common/attempt.js';
import { inTime } from '../../common/in-time.js';
import { RecentAnswer } from '../../common/recent-answer.js';
import type { TargetStatus } from '../../common/target.js';
import { CountCachedAnswersQuery } from '../cache/cache.messages.js';
import type { CompletedChat } from '../chat/chat.messages.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { CountSessionsQuery, type OutboxCount } from '../session/session.messages.js';
import type { Delivery } from './alerts/alert-webhook.js';
import type { BudgetScope } from './alerts/budget-alert.js';
import { usdOf, type Spending } from './usage/usage-row.js';
import { Usage } from './usage/usage.js';

const RESPONSE_BUCKETS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
const OVERHEAD_BUCKETS_SECONDS = [0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const TTFT_BUCKETS_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120];

const BREAKER_VALUE: Record<TargetStatus['breaker'], number> = { closed: 0, half_open: 1, open: 2, drained: 3 };

/** A scrape must come back while a store hangs; what cannot be read in time is left out of it. */
const SCRAPE_DEADLINE_MS = 500;
const UNREAD = Symbol('unread');

const MS_PER_SECOND = 1000;

/** Results of the cache for which nothing had to be decided. */
const NOT_DECIDED: ReadonlySet<string> = new Set(['HIT', 'STALE', 'SHARED']);

/** The HTTP status, or how a stream ended that did not end well: its status went out before that was known. */
const statusLabel = ({ stream, outcome, status }: CompletedChat): string =>
  stream && (outcome === 'cut' || outcome === 'aborted') ? outcome : String(status);

/**
 * The Prometheus metrics of this replica (DESIGN section 8). Every label is a closed set: names from the configuration,
 * HTTP statuses, or codes of ours. Plain `inc(labels)` calls: children bound in advance cost the same 0.2 us.
 */
@Injectable()
export class RouterMetrics {
  private readonly registry = new Registry();

  /** Nobody signs in to scrape, so stores are asked once a second and not once a scrape. */
  private readonly sessions = new RecentAnswer(() => this.queries.execute(new CountSessionsQuery()));

  private readonly requests = this.counter('router_requests_total', 'Chat requests that ended.', ['model', 'status']);
  private readonly http = this.counter('router_http_requests_total', 'Requests of routes that call no model.', [
    'route',
    'status',
  ]);
  private readonly decisions = this.counter('router_decisions_total', 'Routing decisions that led to an answer.', [
    'strategy',
    'target',
    'reason',
  ]);
  private readonly attempts = this.counter('router_attempts_total', 'Calls of model servers.', ['target', 'outcome']);
  private readonly fallbacks = this.counter('router_fallbacks_total', 'Switches to another target.', [
    'from',
    'to',
    'why',
  ]);
  private readonly cache = this.counter('router_cache_total', 'Answer cache look-ups.', ['result']);
  private readonly bypasses = this.counter('router_cache_bypasses_total', 'Requests that wanted no kept answer.', [
    'cause',
  ]);
  private readonly savedUsd = this.counter(
    'router_cache_saved_usd_total',
    'Known cost of answers not made again, USD.',
  );
  private readonly savedSeconds = this.counter(
    'router_cache_saved_seconds_total',
    'Time that making answers again would have taken.',
  );
  private readonly budgetAlerts = this.counter('router_budget_alerts_total', 'Budgets used up to a threshold.', [
    'scope',
    'threshold',
  ]);
  private readonly alertDeliveries = this.counter(
    'router_budget_alert_deliveries_total',
    'Messages to limits.alertUrl: delivered, failed, dropped.',
    ['result'],
  );
  private readonly tokens = this.counter('router_tokens_total', 'Tokens used: type prompt or completion.', [
    'model',
    'type',
  ]);
  private readonly cost = this.counter('router_cost_usd_total', 'Known cost of answers, USD.', ['model']);
  private readonly response = new Histogram({
    name: 'router_response_seconds',
    help: 'From arrival to the end of the answer or error; requests whose caller went away are left out.',
    labelNames: ['model'],
    buckets: RESPONSE_BUCKETS_SECONDS,
    registers: [this.registry],
  });
  private readonly ttft = new Histogram({
    name: 'router_ttft_seconds',
    help: 'From arrival to the first token of a streamed answer.',
    labelNames: ['model'],
    buckets: TTFT_BUCKETS_SECONDS,
    registers: [this.registry],
  });
  private readonly overhead = new Histogram({
    name: 'router_overhead_seconds',
    help: "The router's own share of the time until an answer began.",
    buckets: OVERHEAD_BUCKETS_SECONDS,
    registers: [this.registry],
  });

  constructor(
    private readonly queries: QueryBus,
    private readonly usage: Usage,
  ) {
    collectDefaultMetrics({ register: this.registry });
    this.gauge('router_breaker_state', '0 closed, 1 half open, 2 open, 3 drained.', ['target'], (gauge) =>
      this.readBreakers(gauge),
    );
    this.gauge('router_active_sessions', 'Sessions with a turn within sessions.ttlSeconds.', [], async (gauge) =>
      gauge.set((await this.sessions.get()).active),
    );
    this.cacheCounts();
    this.usageCounts();
    const outboxes = [
      ['router_outbox_depth', 'Turns that wait for the turn store', 'waiting'],
      ['router_outbox_set_aside', 'Turns that no store takes and that an operator should look at', 'setAside'],
    ] as const;
    for (const [name, help, turns] of outboxes) {
      this.gauge(name, `${help}; redis = of all replicas.`, ['store'], async (gauge) =>
        setByStore(gauge, (await this.sessions.get())[turns]),
      );
    }
  }

  private cacheCounts(): void {
    const read = () => this.queries.execute(new CountCachedAnswersQuery());
    this.gauge('router_cache_entries', 'Answers in the memory of this replica.', [], async (gauge) =>
      gauge.set((await read()).entries),
    );
    this.gauge('router_cache_bytes', 'Memory they take, bytes.', [], async (gauge) => gauge.set((await read()).bytes));
    this.total(
      'router_cache_evictions_total',
      'Answers that left the memory for newer ones.',
      async () => (await read()).evictions,
    );
    this.total(
      'router_cache_shared_generations_total',
      'Generations that answered more than one request.',
      async () => (await read()).sharedGenerations,
    );
  }

  private usageCounts(): void {
    const { writer } = this.usage;
    const { unwritten } = writer;
    this.gauge('router_usage_unwritten_requests', 'Requests whose usage is not in its store yet.', [], async (gauge) =>
      gauge.set(unwritten.total.requests),
    );
    this.gauge('router_usage_unwritten_usd', 'Their known cost, USD.', [], async (gauge) =>
      gauge.set(usdOf(unwritten.total.costNanoUsd)),
    );
    this.gauge('router_usage_unwritten_age_seconds', 'Since the oldest of them ended; 0 = none.', [], async (gauge) =>
      gauge.set((Date.now() - (unwritten.oldestAt ?? Date.now())) / MS_PER_SECOND),
    );
    this.total(
      'router_usage_merged_requests_total',
      'Requests counted without user, model and target, as too much waited.',
      async () => unwritten.merged,
    );
    this.total('router_usage_dropped_requests_total', 'Requests whose usage is lost.', async () => unwritten.dropped);
    this.total(
      'router_usage_lost_batches_total',
      'Replicas found to have ended without writing their last usage.',
      async () => writer.lostBatches,
    );
  }

  /** @param model the name asked for, as it may stand in a label */
  recordChat(chat: CompletedChat, model: string, spent: Readonly<Spending>): void {
    if (!chat.cache.isRenewal) this.requests.inc({ model, status: statusLabel(chat) });
    this.recordCache(chat.cache);
    // An answer that was made before, or for somebody else, has the route of then.
    if (chat.route && !NOT_DECIDED.has(chat.cache.result)) {
      const { strategy, target, reasonCode } = chat.route;
      this.decisions.inc({ strategy, target, reason: reasonCode });
    }
    this.recordAttempts(chat.attempts);
    this.recordTiming(model, chat);
    this.tokens.inc({ model, type: 'prompt' }, spent.prompt_tokens);
    this.tokens.inc({ model, type: 'completion' }, spent.completion_tokens);
    this.cost.inc({ model }, spent.cost_usd);
  }

  /** A request for a model that none answered: turned away, refused, or a repeat. */
  recordUnanswered(model: string, status: number): void {
    this.requests.inc({ model, status: String(status) });
  }

  /** A request of any other route. @param route its pattern, or `other` */
  recordHttp(route: string, status: number): void {
    this.http.inc({ route, status: String(status) });
  }

  private recordCache({ result, bypass, savedUsd, savedMs }: CompletedChat['cache']): void {
    this.cache.inc({ result });
    if (bypass !== null) this.bypasses.inc({ cause: bypass });
    if (savedUsd > 0) this.savedUsd.inc(savedUsd);
    if (savedMs > 0) this.savedSeconds.inc(savedMs / MS_PER_SECOND);
  }

  /** A fallback is a step from one target to another in the order of attempts. */
  private recordAttempts(attempts: readonly Attempt[]): void {
    for (const [i, { target, outcome }] of attempts.entries()) {
      this.attempts.inc({ target, outcome });
      const before = attempts[i - 1];
      if (before && before.target !== target)
        this.fallbacks.inc({ from: before.target, to: target, why: before.outcome });
    }
  }

  recordBudgetAlert(scope: BudgetScope, threshold: number): void {
    this.budgetAlerts.inc({ scope, threshold: String(threshold) });
  }

  recordAlertDelivery(result: Delivery): void {
    this.alertDeliveries.inc({ result });
  }

  /** Text of the Prometheus exposition format 0.0.4. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  private recordTiming(model: string, { outcome, stream, timing, cache }: CompletedChat): void {
    const { totalMs, overheadMs, firstTokenMs } = timing;
    if (outcome !== 'aborted' && !cache.isRenewal) this.response.observe({ model }, totalMs / MS_PER_SECOND);
    if (firstTokenMs === null) return;
    this.overhead.observe(overheadMs / MS_PER_SECOND);
    if (stream) this.ttft.observe({ model }, firstTokenMs / MS_PER_SECOND);
  }

  private async readBreakers(gauge: Gauge): Promise<void> {
    const targets = await this.queries.execute(new ListTargetsQuery());
    gauge.reset(); // a reload may have removed targets
    for (const { id, breaker } of targets) gauge.set({ target: id }, BREAKER_VALUE[breaker]);
  }

  private counter<Label extends string>(name: string, help: string, labelNames: Label[] = []): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** A counter that is counted elsewhere. */
  private total(name: string, help: string, read: () => Promise<number>): void {
    const collect = async function (this: Counter): Promise<void> {
      const total = await inTime(read(), SCRAPE_DEADLINE_MS, UNREAD).catch(() => UNREAD);
      if (typeof total !== 'number') return; // it stays what it was
      this.reset();
      this.inc(total);
    };
    new Counter({ name, help, registers: [this.registry], collect });
  }

  /** A gauge that is read when it is scraped; one that cannot be read is absent rather than stale. */
  private gauge(name: string, help: string, labelNames: string[], read: (gauge: Gauge) => Promise<void>): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect: async () => {
        const outcome = await inTime(read(gauge), SCRAPE_DEADLINE_MS, UNREAD).catch(() => UNREAD);
        if (outcome !== UNREAD) return;
        gauge.reset();
        if (labelNames.length === 0) gauge.remove(); // reset() leaves a 0, which would be a statement
      },
    });
  }
}

function setByStore(gauge: Gauge, { redis, memory }: OutboxCount): void {
  gauge.reset(); // an outbox that cannot be asked has no depth
  gauge.set({ store: 'memory' }, memory);
  if (redis !== null) gauge.set({ store: 'redis' }, redis);
}

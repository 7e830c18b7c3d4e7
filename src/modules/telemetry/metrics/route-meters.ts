import type { Counter, Histogram } from 'prom-client';
import {
  GEN_AI,
  INPUT,
  labelOf,
  OPERATION_DURATION,
  type Operation,
  OUTPUT,
  TIME_TO_FIRST_TOKEN,
  TOKEN_USAGE,
} from '../genai-names.js';
import { BoundCounter, BoundHistogram } from './bound-series.js';
import type { MetricRegistry } from './metric-registry.js';

const RESPONSE_BUCKETS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
const TTFT_BUCKETS_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120];
const ROUTE = ['model', 'target'];

const OPERATION = labelOf(GEN_AI.operation);
const PROVIDER = labelOf(GEN_AI.provider);
const REQUEST_MODEL = labelOf(GEN_AI.requestModel);
const TOKEN_TYPE = labelOf(GEN_AI.tokenType);
const ERROR_TYPE = labelOf(GEN_AI.errorType);

/** The metrics of requests by model and target, and those of the GenAI conventions by model and provider. */
export class RouteMetrics {
  readonly requests: Counter;
  readonly tokens: Counter;
  readonly cost: Counter;
  readonly response: Histogram;
  readonly ttft: Histogram;
  readonly duration: Histogram;
  readonly tokenUsage: Histogram;
  readonly serverTtft: Histogram;

  constructor(metrics: MetricRegistry) {
    this.requests = metrics.counter('router_requests_total', 'Requests to routes that call models, ended.', [
      ...ROUTE,
      'status',
    ]);
    this.tokens = metrics.counter('router_tokens_total', 'Tokens used: type prompt or completion.', [...ROUTE, 'type']);
    this.cost = metrics.counter('router_cost_usd_total', 'Known cost of answers, USD.', ROUTE);
    this.response = metrics.histogram(
      'router_response_seconds',
      'From arrival to the end of the answer or error; requests whose caller went away are left out.',
      { labelNames: ROUTE, buckets: RESPONSE_BUCKETS_SECONDS, exemplars: true },
    );
    this.ttft = metrics.histogram('router_ttft_seconds', 'From arrival to the first token of a streamed answer.', {
      ...{ labelNames: ROUTE, buckets: TTFT_BUCKETS_SECONDS, exemplars: true },
    });
    const operation = [OPERATION, PROVIDER, REQUEST_MODEL];
    this.duration = metrics.histogram(OPERATION_DURATION.prometheus, 'GenAI operation duration.', {
      ...{ labelNames: [...operation, ERROR_TYPE], buckets: OPERATION_DURATION.buckets },
    });
    this.tokenUsage = metrics.histogram(TOKEN_USAGE.prometheus, 'Number of input and output tokens used.', {
      ...{ labelNames: [...operation, TOKEN_TYPE], buckets: TOKEN_USAGE.buckets },
    });
    this.serverTtft = metrics.histogram(
      TIME_TO_FIRST_TOKEN.prometheus,
      'Time to generate first token for successful responses.',
      { labelNames: operation, buckets: TIME_TO_FIRST_TOKEN.buckets },
    );
  }
}

/** The series of one model and target, as they may be labels. */
export class RouteMeters {
  readonly promptTokens: BoundCounter;
  readonly completionTokens: BoundCounter;
  readonly cost: BoundCounter;
  readonly response: BoundHistogram;
  private firstToken: BoundHistogram | null = null;
  private readonly requests = new Map<number | string, BoundCounter>();

  constructor(
    private readonly metrics: RouteMetrics,
    private readonly labels: { readonly model: string; readonly target: string },
  ) {
    const { tokens, cost, response } = metrics;
    this.promptTokens = new BoundCounter(tokens, { ...labels, type: 'prompt' });
    this.completionTokens = new BoundCounter(tokens, { ...labels, type: 'completion' });
    this.cost = new BoundCounter(cost, { ...labels });
    this.response = new BoundHistogram(response, { ...labels }, RESPONSE_BUCKETS_SECONDS);
  }

  /** @param status of HTTP, or how a stream ended */
  ended(status: number | string): BoundCounter {
    let bound = this.requests.get(status);
    if (!bound) {
      bound = new BoundCounter(this.metrics.requests, { ...this.labels, status: String(status) });
      this.requests.set(status, bound);
    }
    return bound;
  }

  /** Of streams alone. */
  get ttft(): BoundHistogram {
    return (this.firstToken ??= new BoundHistogram(this.metrics.ttft, { ...this.labels }, TTFT_BUCKETS_SECONDS));
  }
}

/** The series of one model and provider by the GenAI conventions. */
export class GenAiMeters {
  readonly inputTokens: BoundHistogram;
  readonly outputTokens: BoundHistogram;
  readonly ttft: BoundHistogram;
  private readonly durations = new Map<string | null, BoundHistogram>();
  private readonly labels: Readonly<Record<string, string>>;

  constructor(
    private readonly metrics: RouteMetrics,
    model: string,
    provider: string,
    operation: Operation,
  ) {
    this.labels = { [OPERATION]: operation, [PROVIDER]: provider, [REQUEST_MODEL]: model };
    const { labels } = this;
    const { tokenUsage, serverTtft } = metrics;
    this.inputTokens = new BoundHistogram(tokenUsage, { ...labels, [TOKEN_TYPE]: INPUT }, TOKEN_USAGE.buckets);
    this.outputTokens = new BoundHistogram(tokenUsage, { ...labels, [TOKEN_TYPE]: OUTPUT }, TOKEN_USAGE.buckets);
    this.ttft = new BoundHistogram(serverTtft, { ...labels }, TIME_TO_FIRST_TOKEN.buckets);
  }

  /** @param error a code of ours; `null` = answered */
  duration(error: string | null): BoundHistogram {
    let bound = this.durations.get(error);
    if (!bound) {
      const labels = error === null ? { ...this.labels } : { ...this.labels, [ERROR_TYPE]: error };
      bound = new BoundHistogram(this.metrics.duration, labels, OPERATION_DURATION.buckets);
      this.durations.set(error, bound);
    }
    return bound;
  }
}

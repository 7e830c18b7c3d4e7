import { AsyncLocalStorage } from 'node:async_hooks';
import type { AzureMonitorTraceExporter } from '@azure/monitor-opentelemetry-exporter';
import type { ExportResult } from '@opentelemetry/core';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { inTime } from '../../../../common/in-time.js';
import type { AzureConnection } from '../../../../common/config/azure-connection.js';
import { withoutEventRows } from '../azure-span.js';
import { DELIVERED, type Delivery, type Destination } from '../destination.js';
import { ListBatch } from '../list-batch.js';
import { MetricDeltas } from '../metric-deltas.js';

/** Everything of one batch, tries again included. */
const EXPORT_MS = 10_000;
const LATE_MS = 1_000;
/** The longest answer of worth names every row of a batch that was refused. */
const MOST_ANSWER_BYTES = 65_536;
const RETRIES = { maxRetries: 2, retryDelayInMs: 500, maxRetryDelayInMs: 2_000 };
const OK = 200;
/** `ExportResultCode.SUCCESS` */
const SUCCESS = 0;
/** Some of what was sent was refused. */
const PARTIAL = 206;

/**
 * In force while the exporters are made: no statistics about the exporter to Microsoft, no row that repeats the resource
 * beside every batch, no experiments.
 */
const ENVIRONMENT: NodeJS.ProcessEnv = {
  APPLICATION_INSIGHTS_NO_STATSBEAT: 'true',
  APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED: 'true',
  APPLICATIONINSIGHTS_EXPERIMENTAL_FEATURES: '',
};

type Options = NonNullable<ConstructorParameters<typeof AzureMonitorTraceExporter>[0]>;
type Policy = NonNullable<Options['additionalPolicies']>[number]['policy'];

/** What the endpoint said to one batch; the exporter tells of failures that it could put on a disk as of successes. */
interface Answer {
  /** Of what was sent; `null` = all. */
  refused: number | null;
  problem: string | null;
}

interface Exporter<Items> {
  export(items: Items, done: (result: ExportResult) => void): Promise<void>;
  shutdown(): Promise<void>;
}

const answers = new AsyncLocalStorage<Answer>();

function note(answer: Answer, { refused, problem }: Answer): void {
  answer.refused = refused;
  answer.problem = problem;
}

/** Puts the deadline on a request, and notes what came of it. */
const noting: Policy = {
  name: 'noting',
  async sendRequest(request, next) {
    const answer = answers.getStore();
    request.abortSignal ??= AbortSignal.timeout(EXPORT_MS);
    try {
      const response = await next(request);
      if (answer) note(answer, answerOf(response.status, response.bodyAsText));
      return response;
    } catch (error) {
      if (answer) note(answer, { refused: null, problem: problemOf(error) });
      throw error;
    }
  },
};

/** So the pipeline writes it. */
const EVERY_STATUS = new Set([Number.POSITIVE_INFINITY]);

class AnswerTooLong extends Error {
  /** As the log shows it. */
  readonly code = 'its answer is too long';
}

/** Reads an answer no further than it can be of worth: the exporters would take in one that never ends until the deadline. */
const bounding: Policy = {
  name: 'bounding',
  async sendRequest(request, next) {
    const { abortSignal: deadline } = request;
    const enough = new AbortController();
    request.abortSignal = deadline ? AbortSignal.any([deadline as AbortSignal, enough.signal]) : enough.signal;
    request.streamResponseStatusCodes = EVERY_STATUS;
    try {
      const response = await next(request);
      response.bodyAsText = await textOf(response.readableStreamBody ?? []);
      delete response.readableStreamBody;
      return response;
    } catch (error) {
      if (error instanceof AnswerTooLong) enough.abort(); // ends the connection, also below a stream that unzips
      throw error;
    } finally {
      if (deadline) request.abortSignal = deadline;
      else delete request.abortSignal;
    }
  },
};

async function textOf(body: AsyncIterable<unknown> | Iterable<unknown>): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > MOST_ANSWER_BYTES) throw new AnswerTooLong();
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/**
 * Application Insights, through its exporters: requests, dependencies, exceptions, traces and custom metrics. Nothing is kept on
 * the disk, and nothing but the endpoint is spoken to.
 */
export async function azureDestination(connection: AzureConnection): Promise<Destination> {
  const [sdk, { DataPointType }] = await Promise.all([
    import('@azure/monitor-opentelemetry-exporter'),
    import('@opentelemetry/sdk-metrics'),
  ]);
  const options = await optionsFor(connection);
  const [spans, logs, metrics] = withEnvironment(ENVIRONMENT, () => [
    new sdk.AzureMonitorTraceExporter(options),
    new sdk.AzureMonitorLogExporter(options),
    new sdk.AzureMonitorMetricExporter(options),
  ]) as [Exporter<unknown>, Exporter<unknown>, Exporter<unknown>];
  await stopRemoteSettings();
  const deltas = new MetricDeltas({ DataPointType });
  return {
    name: 'Azure Monitor',
    spans: () => new ListBatch((items) => delivered(spans, items.map(withoutEventRows), items.length)),
    logs: () => new ListBatch((items) => delivered(logs, items.map(known), items.length)),
    async metrics(all) {
      const change = deltas.since(all);
      const delivery = await delivered(metrics, change.metrics, 1);
      if (delivery.problem === null || delivery.problem === httpProblem(PARTIAL)) change.taken();
      return delivery;
    },
    async close() {
      await Promise.all([spans, logs, metrics].map((exporter) => exporter.shutdown()));
    },
  };
}

/** The exporter would write `null` for what is not known. */
const known = (record: ReadableLogRecord): ReadableLogRecord => ({
  ...record,
  attributes: Object.fromEntries(Object.entries(record.attributes).filter(([, value]) => value !== null)),
});

async function optionsFor({ ingestionEndpoint, identity, withoutIdentity }: AzureConnection): Promise<Options> {
  const options: Options = {
    connectionString: withoutIdentity,
    disableOfflineStorage: true,
    retryOptions: RETRIES,
    additionalPolicies: [
      { policy: noting, position: 'perCall' },
      { policy: bounding, position: 'perRetry' },
    ],
  };
  if (ingestionEndpoint?.startsWith('http://')) {
    // the exporter would make it https://
    Object.assign(options, { host: ingestionEndpoint.replace(/\/+$/, ''), allowInsecureConnection: true });
  }
  if (identity) {
    const { DefaultAzureCredential } = await import('@azure/identity');
    const { clientId } = identity;
    options.credential = new DefaultAzureCredential(clientId === null ? {} : { managedIdentityClientId: clientId });
  }
  return options;
}

/** The exporter asks settings.sdk.monitor.azure.com every hour what it should do, and offers no way to say no. */
async function stopRemoteSettings(): Promise<void> {
  const entry = import.meta.resolve('@azure/monitor-opentelemetry-exporter');
  const { ConfigurationManager } = (await import(new URL('_configuration/configurationManager.js', entry).href)) as {
    readonly ConfigurationManager: { getInstance(): { shutdown(): void } };
  };
  ConfigurationManager.getInstance().shutdown();
}

function withEnvironment<T>(values: NodeJS.ProcessEnv, make: () => T): T {
  const before = process.env;
  process.env = { ...before, ...values };
  try {
    return make();
  } finally {
    process.env = before;
  }
}

async function delivered<Items>(exporter: Exporter<Items>, items: Items, count: number): Promise<Delivery> {
  const answer: Answer = { refused: 0, problem: null };
  const { promise, resolve } = Promise.withResolvers<ExportResult>();
  try {
    const ended = answers.run(answer, () => exporter.export(items, resolve));
    const result = await inTime(Promise.race([promise, ended.then(() => promise)]), EXPORT_MS + LATE_MS, null);
    if (result === null) return { lost: count, problem: 'no answer in time' };
    if (answer.problem !== null) return { lost: Math.min(answer.refused ?? count, count), problem: answer.problem };
    return (result.code as number) === SUCCESS ? DELIVERED : { lost: count, problem: problemOf(result.error) };
  } catch (error) {
    return { lost: count, problem: problemOf(error) };
  }
}

const httpProblem = (status: number): string => `HTTP ${status}`;

function answerOf(status: number, body: string | null | undefined): Answer {
  if (status === OK) return { refused: 0, problem: null };
  return { refused: status === PARTIAL ? refusedOf(body ?? '') : null, problem: httpProblem(status) };
}

function refusedOf(body: string): number | null {
  try {
    const { itemsReceived, itemsAccepted } = JSON.parse(body) as Record<string, unknown>;
    return Number(itemsReceived) - Number(itemsAccepted) || null;
  } catch {
    return null;
  }
}

/** In our own words: what an endpoint writes stands in no log. */
function problemOf(error: unknown): string {
  const { code, name, statusCode } = (error ?? {}) as { readonly code?: unknown; name?: string; statusCode?: unknown };
  if (typeof statusCode === 'number') return httpProblem(statusCode);
  if (name === 'AbortError' || name === 'TimeoutError') return 'no answer in time';
  return typeof code === 'string' ? code : (name ?? 'unknown');
}

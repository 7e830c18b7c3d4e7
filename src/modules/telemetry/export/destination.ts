import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

export const SIGNALS = ['traces', 'metrics', 'logs'] as const;
export type Signal = (typeof SIGNALS)[number];

/** What has come of one batch. */
export interface Delivery {
  /** Items that the destination does not have, and will not get. */
  readonly lost: number;
  /** Why, in our own words; `null` = nothing was wrong. */
  readonly problem: string | null;
}

export const DELIVERED: Delivery = { lost: 0, problem: null };

/** Why what was on its way at the end of the process counts as lost. */
export const CUT_SHORT = 'it had not answered when the service ended';

/** Items that go out together. */
export interface Batch<Item> {
  /** How many it has. */
  readonly size: number;
  /** Memory that they take, about. */
  readonly bytes: number;
  add(item: Item): void;
  /** Once, when it has all its items. Ends within some seconds, and rejects never. */
  send(): Promise<Delivery>;
}

/** Who gets what is exported. A call ends within some seconds, and rejects never. */
export interface Destination {
  /** For the log: what it is and its host. */
  readonly name: string;
  spans(): Batch<ReadableSpan>;
  logs(): Batch<ReadableLogRecord>;
  /** Cumulative since the start of the process. */
  metrics(metrics: ResourceMetrics): Promise<Delivery>;
  /** Lets connections go; nothing is sent any more. */
  close(): Promise<void>;
}

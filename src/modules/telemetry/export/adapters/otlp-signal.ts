import type { Agent } from 'node:http';
import type { ExportResult } from '@opentelemetry/core';
import type { ISerializer } from '@opentelemetry/otlp-transformer';
import { inTime } from '../../../../common/in-time.js';
import { isFields } from '../../../../common/json/fields.js';
import { DELIVERED, type Delivery } from '../destination.js';
import type { Handover } from '../otlp-batch.js';

/** Everything of one batch, tries again included. */
export const EXPORT_MS = 10_000;
/** An answer that drips in never ends by itself. */
const LATE_MS = 1_000;
/** `ExportResultCode.SUCCESS` */
const SUCCESS = 0;

/** The SDK's sender of one signal. */
export interface Exporter<Items> {
  export(items: Items, done: (result: ExportResult) => void): void;
}

/**
 * One signal on its way to one endpoint, through the SDK's sender. What that leaves out is here: an answer that never ends gives
 * its place and its connection back, and what the endpoint took only in part is not delivered.
 */
export class OtlpSignal<Items> {
  private readonly exporter: Exporter<Items>;
  /** Items that the answer read last was not content with; the SDK reads it right before it says that all is well. */
  private rejected = 0;

  /** @param agent of this signal alone @param open makes the sender, with what reads and writes for it */
  constructor(
    serializer: ISerializer<Items, unknown>,
    private readonly agent: Agent,
    open: (serializer: ISerializer<Items, unknown>) => Exporter<Items>,
  ) {
    this.exporter = open({
      serializeRequest: (items) => serializer.serializeRequest(items),
      deserializeResponse: (data) => this.read(serializer.deserializeResponse(data)),
    });
  }

  /** Ends within 11 s, and rejects never. */
  async deliver(items: Items, count: number): Promise<Handover> {
    const delivery = await this.delivered(items, count);
    return { delivery, isRead: delivery.problem === null && this.isSent() };
  }

  close(): void {
    this.agent.destroy();
  }

  private async delivered(items: Items, count: number): Promise<Delivery> {
    const { promise, resolve } = Promise.withResolvers<Delivery>();
    const end = (result: ExportResult): void => resolve(this.outcomeOf(result, count));
    try {
      this.exporter.export(items, end);
    } catch (error) {
      return { lost: count, problem: problemOf(error) };
    }
    const delivery = await inTime(promise, EXPORT_MS + LATE_MS, null);
    if (delivery !== null) return delivery;
    this.agent.destroy(); // the sender waits as long as anything comes
    return { lost: count, problem: 'no answer in time' };
  }

  private outcomeOf({ code, error }: ExportResult, count: number): Delivery {
    const { rejected } = this;
    this.rejected = 0;
    if ((code as number) !== SUCCESS) return { lost: count, problem: problemOf(error) };
    return rejected === 0 ? DELIVERED : { lost: Math.min(rejected, count), problem: 'it refused a part' };
  }

  /** @see https://opentelemetry.io/docs/specs/otlp/#partial-success */
  private read<Response>(response: Response): Response {
    const partial = isFields(response) ? response['partialSuccess'] : null;
    if (!isFields(partial)) return response;
    const { rejectedSpans, rejectedLogRecords, rejectedDataPoints } = partial;
    const rejected = Number(rejectedSpans ?? rejectedLogRecords ?? rejectedDataPoints ?? 0);
    this.rejected = rejected > 0 ? rejected : 0;
    return response;
  }

  /** Whether nothing of any request is still to be written. */
  private isSent(): boolean {
    const { sockets, freeSockets } = this.agent;
    const all = [...Object.values(sockets), ...Object.values(freeSockets)].flatMap((some) => some ?? []);
    return all.every(({ writableLength }) => writableLength === 0);
  }
}

/** In our own words: what an endpoint writes stands in no log. */
function problemOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: string };
  if (typeof code === 'number') return `HTTP ${code}`;
  if (typeof code === 'string') return code;
  if (message === 'Request timed out') return 'no answer in time';
  return message === 'Export failed with retryable status'
    ? 'it is overloaded'
    : ((error as Error | null)?.name ?? 'unknown');
}

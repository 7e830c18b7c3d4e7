import { AppError } from '../app-error.js';
import { SAMPLED, traceParentOf, type OutgoingTrace } from './trace-context.js';
import { newSpanId } from './trace-ids.js';

/** What a request asks of a store or of the ledger, on its way. */
export type StepName = 'quota.reserve' | 'session.load' | 'cache.lookup' | 'cache.claim' | 'turn.store';

/** One of them, once it is over. */
export interface TraceStep {
  readonly name: StepName;
  /** `performance.now()` milliseconds. */
  readonly startedAt: number;
  readonly ms: number;
  /** `ok`, the `code` of an error of the catalogue, or `failed`. */
  readonly outcome: string;
}

/** What is known of the place of a request in a trace when it begins. */
export interface TracePlace {
  readonly traceId: string;
  /** Of the span that is made of the request; where none is made, of the one that made the request. */
  readonly spanId: string;
  /** The span of whoever made the request; `null` = the trace begins here. */
  readonly parentId: string | null;
  readonly flags: number;
  /** Whether spans are made: this service has tracing, and the trace is among those that are recorded. */
  readonly isRecorded: boolean;
  /** For whom the request is passed on to; not for spans. */
  readonly state: string | null;
  /** Pattern of the route, such as `/query`; `null` unless recorded. */
  readonly route: string | null;
}

const NO_STEPS: readonly TraceStep[] = Object.freeze([]);

/**
 * One request in a distributed trace (W3C Trace Context). Its spans are made when it has ended (module telemetry), but their ids
 * are known from the beginning, because model servers are told of them.
 */
export class RequestTrace {
  private noted: TraceStep[] | null = null;
  private unrecorded: OutgoingTrace | null = null;

  constructor(readonly place: TracePlace) {}

  get isRecorded(): boolean {
    return this.place.isRecorded;
  }

  /** `null` where nobody will find the trace. */
  get recordedId(): string | null {
    return this.place.isRecorded ? this.place.traceId : null;
  }

  get steps(): readonly TraceStep[] {
    return this.noted ?? NO_STEPS;
  }

  /** What a model server is told. @param spanId of the call; `null` where no span is made of it */
  toServer(spanId: string | null): OutgoingTrace {
    const { traceId, spanId: own, flags, state } = this.place;
    if (spanId === null) {
      return (this.unrecorded ??= { traceparent: traceParentOf(traceId, own, flags), tracestate: state });
    }
    return { traceparent: traceParentOf(traceId, spanId, flags | SAMPLED), tracestate: state };
  }

  /** That of something done on behalf of the request, whose span is a child of the request's. */
  child(): RequestTrace {
    const { place } = this;
    if (!place.isRecorded) return this;
    return new RequestTrace({ ...place, spanId: newSpanId(), parentId: place.spanId });
  }

  /** Waits for the step, and keeps how long it took and how it ended. */
  async note<T>(name: StepName, step: Promise<T>): Promise<T> {
    const startedAt = performance.now();
    let outcome = 'failed';
    try {
      const result = await step;
      outcome = 'ok';
      return result;
    } catch (error) {
      if (error instanceof AppError) outcome = error.code;
      throw error;
    } finally {
      (this.noted ??= []).push({ name, startedAt, ms: performance.now() - startedAt, outcome });
    }
  }
}

/** The step itself; noted where the request's trace is recorded. */
export function noted<T>(trace: RequestTrace | null, name: StepName, step: Promise<T>): Promise<T> {
  return trace?.isRecorded ? trace.note(name, step) : step;
}

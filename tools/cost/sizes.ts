import type { Workload } from './workload.js';

/** English text: characters of a token, about. */
const BYTES_PER_TOKEN = 4;
/** Ids, times, names and numbers of a stored turn. */
const TURN_BYTES = 600;
/** What an answer in the cache has beside its text: 838 bytes of one of 370 characters (docs/BENCHMARKS.md). */
const ENTRY_BYTES = 838 - 370;
/** Head of request and answer, JSON around the messages. */
const HEAD_BYTES = 2_000;
/** One event of a stream, of one token, as OpenAI's servers write it. */
const EVENT_BYTES = 230;

/**
 * Bytes of a request's rows as Application Insights gets them, and of one row of a metric; `telemetry-size.spec.ts` measures them.
 * Azure bills some 25 % less than what is sent (https://learn.microsoft.com/azure/azure-monitor/logs/cost-logs).
 */
export const LINE_BYTES = 1_060;
export const TRACE_BYTES = 2_210;
export const METRIC_ROW_BYTES = 510;
/** Rows that a replica with traffic sends each minute. */
export const METRIC_ROWS = 114;
export const BILLED_SHARE = 0.75;
/** A row of the access log of Front Door or of API Management: estimated. */
export const ACCESS_LOG_BYTES = 1_000;

export const turnBytes = ({ promptTokens, answerTokens }: Workload): number =>
  (promptTokens + answerTokens) * BYTES_PER_TOKEN + TURN_BYTES;

export const entryBytes = ({ answerTokens }: Workload): number => answerTokens * BYTES_PER_TOKEN + ENTRY_BYTES;

export const bytesIn = ({ promptTokens }: Workload): number => promptTokens * BYTES_PER_TOKEN + HEAD_BYTES;

/** Every answer is taken for a stream, which is the larger form. */
export const bytesOut = ({ answerTokens }: Workload): number => answerTokens * EVENT_BYTES + HEAD_BYTES;

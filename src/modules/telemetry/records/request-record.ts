import { shownAttempt, type ShownAttempt } from '../../../common/attempt.js';
import { PRIVATE_KINDS } from '../../../common/config/config.schema.js';
import { isoTime } from '../../../common/iso-time.js';
import { readableJson } from '../../../common/json/readable.js';
import { sessionMark } from '../../../common/logging/outside-text.js';
import type { Price } from '../../../common/prices/price.js';
import { findPrivateKinds } from '../../../common/privacy/private-text.js';
import type { Tier } from '../../../common/target.js';
import type { Usage } from '../../../common/usage.js';
import type { CacheResult } from '../../cache/cache.messages.js';
import type { ChatOutcome, CompletedChat, DecidedBy } from '../../chat/chat.messages.js';
import type { Owner } from './record-owner.js';
import type { KeptRecord } from './request-records.js';

/** What became of one request: numbers and names, never text of a conversation (DESIGN section 4). */
export interface RequestRecord<Columns> {
  readonly request_id: string;
  /** When it ended. */
  readonly at: string;
  readonly tenant: string;
  readonly user: string;
  readonly model: string;
  readonly strategy: string | null;
  readonly target: string | null;
  readonly tier: Tier | null;
  readonly upstream_model: string | null;
  readonly simulated: boolean;
  readonly status: number;
  readonly outcome: ChatOutcome;
  readonly error_code: string | null;
  readonly streamed: boolean;
  readonly reason_code: string | null;
  readonly score: number | null;
  readonly threshold: number | null;
  readonly policy_version: string | null;
  /** What the trees of the artefact saw. */
  readonly columns: Columns | null;
  readonly attempts: readonly ShownAttempt[];
  readonly fallback: boolean;
  readonly recovered: boolean;
  /** `null` where the cache was not asked. */
  readonly cache: CacheResult | null;
  readonly usage: Usage | null;
  readonly cost_usd: number | null;
  readonly saved_usd: number;
  readonly timing: {
    readonly total_ms: number;
    readonly overhead_ms: number;
    readonly first_token_ms: number | null;
  };
  readonly session_id: string | null;
  readonly learned: LearnedRecord | null;
}

/** What a replay of the decision needs. */
export interface LearnedRecord {
  /** Of the artefact alone. */
  readonly score: number;
  /** Whether the strong side was chosen. */
  readonly strong: boolean;
  readonly weak_price: Price | null;
  readonly strong_price: Price | null;
}

/** What its user said of the answer. */
export interface Feedback {
  readonly score: number;
  readonly at: string;
  /** Redacted. */
  readonly comment?: string;
}

/** As it is shown. */
export interface ShownRecord extends RequestRecord<readonly number[]> {
  readonly feedback: Feedback | null;
}

const rounded = (ms: number): number => Math.round(ms * 100) / 100;

/**
 * The record as it is kept. `columns` is the base64 of little-endian 32-bit floats: a third of the length and of the time of
 * a list of numbers, and exact.
 *
 * @param endedAt milliseconds since 1970
 * @param requested the name asked for
 * @param answered that of the model that answered; both as they may be shown
 */
export function recordText(chat: CompletedChat, endedAt: number, requested: string, answered: string | null): string {
  const { caller, route, decision, timing, cache } = chat;
  const record: RequestRecord<string> = {
    request_id: chat.requestId,
    at: isoTime(endedAt),
    tenant: caller.tenant,
    user: caller.user,
    model: requested,
    strategy: decision?.strategy ?? route?.strategy ?? null,
    target: route?.target ?? null,
    tier: route?.tier ?? null,
    upstream_model: answered,
    simulated: route?.simulated ?? false,
    status: chat.status,
    outcome: chat.outcome,
    error_code: chat.errorCode,
    streamed: chat.stream,
    reason_code: decision?.reasonCode ?? route?.reasonCode ?? null,
    score: decision?.score ?? null,
    threshold: decision?.threshold ?? null,
    policy_version: decision?.policyVersion ?? null,
    columns: packed(decision),
    attempts: chat.attempts.map(shownAttempt),
    fallback: route?.fallback ?? false,
    recovered: route?.recovered ?? false,
    cache: cache.result,
    usage: chat.usage && countsOf(chat.usage),
    cost_usd: chat.costUsd,
    saved_usd: cache.savedUsd,
    timing: {
      total_ms: rounded(timing.totalMs),
      overhead_ms: rounded(timing.overheadMs),
      first_token_ms: timing.firstTokenMs === null ? null : rounded(timing.firstTokenMs),
    },
    session_id: chat.sessionId,
    learned: learnedOf(decision),
  };
  return JSON.stringify(record);
}

/** A request that no model was asked about: turned away at the door, refused, or a repeat of an `Idempotency-Key`. */
export interface UnansweredRequest {
  readonly requestId: string;
  readonly caller: Owner;
  /** As it may be shown. */
  readonly model: string;
  readonly status: number;
  readonly outcome: ChatOutcome;
  readonly errorCode: string | null;
  readonly totalMs: number;
}

/** See `recordText`. */
export function unansweredText(request: UnansweredRequest, endedAt: number): string {
  const { requestId, caller, model, status, outcome, errorCode, totalMs } = request;
  const { tenant, user } = caller;
  const at = isoTime(endedAt);
  const record: RequestRecord<string> = {
    ...{ request_id: requestId, at, tenant, user, model, ...NO_ROUTE, status, outcome, error_code: errorCode },
    ...NO_CALL,
    timing: { total_ms: rounded(totalMs), overhead_ms: rounded(totalMs), first_token_ms: null },
    session_id: null,
    learned: null,
  };
  return JSON.stringify(record);
}

const NO_ROUTE = { strategy: null, target: null, tier: null, upstream_model: null, simulated: false } as const;
const NO_CALL = {
  ...{ streamed: false, reason_code: null, score: null, threshold: null, policy_version: null, columns: null },
  ...{ attempts: [], fallback: false, recovered: false, cache: null, usage: null, cost_usd: 0, saved_usd: 0 },
} as const;

/** @returns `null` when what is kept is no record, or one of another form */
export function shownRecord({ text, feedback }: Pick<KeptRecord, 'text' | 'feedback'>): ShownRecord | null {
  const record = readableJson(text);
  if (!isRecord(record)) return null;
  const { columns } = record;
  return {
    ...record,
    session_id: shownSession(record.session_id),
    columns: typeof columns === 'string' ? unpacked(columns) : null,
    feedback: feedback === null ? null : shownFeedback(readableJson(feedback)),
  };
}

const NAMES = ['request_id', 'at', 'tenant', 'user', 'model', 'outcome'] as const;

/** Whether it has what every record has; the store is shared, with older and newer versions as well. */
function isRecord(value: unknown): value is RequestRecord<string> {
  if (!isObject(value)) return false;
  const { status, session_id: session, attempts, timing } = value;
  return (
    NAMES.every((name) => typeof value[name] === 'string') &&
    typeof status === 'number' &&
    (session === null || typeof session === 'string') &&
    Array.isArray(attempts) &&
    isObject(timing)
  );
}

const shownFeedback = (said: unknown): Feedback | null =>
  isObject(said) && typeof said['score'] === 'number' && typeof said['at'] === 'string'
    ? (said as unknown as Feedback)
    : null;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Its mark where the caller made a name of something private. */
const shownSession = (id: string | null): string | null =>
  id === null || findPrivateKinds(id, PRIVATE_KINDS).length === 0 ? id : sessionMark(id);

/** Of what a server counted, only what is known here: the rest is its own words. */
const countsOf = ({ prompt_tokens, completion_tokens, total_tokens, estimated }: Usage): Usage => ({
  prompt_tokens,
  completion_tokens,
  total_tokens,
  ...(estimated ? { estimated } : {}),
});

function packed(decision: DecidedBy | null): string | null {
  const columns = decision?.evidence?.columns;
  return columns ? Buffer.from(columns.buffer, columns.byteOffset, columns.byteLength).toString('base64') : null;
}

function unpacked(columns: string): number[] {
  const bytes = Buffer.from(columns, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readFloatLE(4 * i));
}

function learnedOf(decision: DecidedBy | null): LearnedRecord | null {
  if (!decision?.evidence) return null;
  const { learned_score: score, strong, weak_price, strong_price } = decision.evidence;
  return { score, strong, weak_price, strong_price };
}

/** Where a caller's trace has come to. All of it hex in small letters. */
export interface TraceParent {
  readonly traceId: string;
  /** The caller's span. */
  readonly parentId: string;
  /** As it came: bit 0 = recorded by the caller, bit 1 = the trace id is random. */
  readonly flags: number;
}

/** What goes to a model server, in the form of version 00. */
export interface OutgoingTrace {
  readonly traceparent: string;
  readonly tracestate: string | null;
}

export const SAMPLED = 1;
const RANDOM = 2;
/** Flags whose meaning is known; the others are sent as 0. */
const KNOWN_FLAGS = SAMPLED | RANDOM;

/** Of version 00; a later one may go on behind a dash. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;

/** So much of a `tracestate` must be handed on; nobody has to hand on more. */
const MOST_OF_STATE = 512;
const MOST_MEMBERS = 32;
/** One `key=value`. @see https://www.w3.org/TR/trace-context-2/#list */
const MEMBER = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * Reads a `traceparent`. One that breaks the rules counts as none, as whoever guesses joins what does not belong together.
 *
 * @see https://www.w3.org/TR/trace-context-2/#traceparent-header
 */
export function readTraceParent(header: unknown): TraceParent | null {
  if (typeof header !== 'string') return null;
  const [, version, traceId, parentId, flags, more] = TRACEPARENT.exec(header) ?? [];
  if (!traceId || !parentId || !flags) return null;
  if ((version === '00' && more !== undefined) || ZEROS.test(traceId) || ZEROS.test(parentId)) return null;
  return { traceId, parentId, flags: parseInt(flags, 16) & KNOWN_FLAGS };
}

/**
 * A `tracestate` as it goes on: unchanged, or without the last of its members where it is too long. `null` = none, or one that
 * breaks the rules. It is no part of a span, as others write it.
 */
export function readTraceState(header: unknown): string | null {
  const text = Array.isArray(header) ? header.join(',') : header;
  if (typeof text !== 'string' || text.length > MOST_OF_STATE * MOST_MEMBERS) return null;
  const members = text.split(',');
  if (members.length > MOST_MEMBERS) return null;
  if (!members.every((member) => isBlank(member) || MEMBER.test(member.trim()))) return null;
  if (members.every(isBlank)) return null;
  let length = text.length;
  while (length > MOST_OF_STATE) length -= members.pop()!.length + 1;
  return length > 0 ? text.slice(0, length) : null;
}

/** Members may be empty. */
const isBlank = (member: string): boolean => member.trim() === '';

/** @param spanId of the span that is the parent of what the receiver does */
export const traceParentOf = (traceId: string, spanId: string, flags: number): string =>
  `00-${traceId}-${spanId}-0${flags}`;

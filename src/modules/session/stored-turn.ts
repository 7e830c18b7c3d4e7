import { erasedSince, type Beginning } from './erasure.js';
import type { Turn } from './session.messages.js';

export interface StoredTurn {
  readonly turn: Turn;
  /** Epoch milliseconds; no read returns the turn from then on. */
  readonly expiresAt: number;
  /** Size of the turn as a document, UTF-8 bytes. */
  readonly bytes: number;
  /** Of the request that made the turn; left out for one that comes from a store. */
  readonly began?: Beginning;
}

/**
 * Whether the session was erased since the turn's request began; an older release did not write down when that was, and
 * then the time of the turn has to do.
 *
 * @param erasedAt the latest erasure; `null` = none
 */
export const wasErased = ({ turn, began }: StoredTurn, erasedAt: number | null): boolean =>
  erasedSince(began ?? { at: Date.parse(turn.at), erasedBefore: null }, erasedAt);

/** Largest turn a durable store takes, bytes: Cosmos refuses items over 2 MB, and its own fields need room. */
export const MAX_TURN_BYTES = 1_572_864;

const MS_PER_DAY = 86_400_000;

/** @param retentionDays `sessions.retentionDays` at the time of writing; a later change does not touch old turns */
export function toStoredTurn(turn: Turn, retentionDays: number, began?: Beginning): StoredTurn {
  return {
    ...(began ? { began } : {}),
    turn,
    expiresAt: Date.parse(turn.at) + retentionDays * MS_PER_DAY,
    bytes: Buffer.byteLength(JSON.stringify(turn)),
  };
}

/** Both lists as one, oldest first, each turn once. */
export function mergeTurns(some: readonly StoredTurn[], others: readonly StoredTurn[]): StoredTurn[] {
  const [last, next] = [some.at(-1), others[0]];
  if (others.length === 1 && next && (!last || last.turn.id < next.turn.id)) return [...some, next];
  const byId = new Map([...some, ...others].map((stored) => [stored.turn.id, stored]));
  return [...byId.values()].sort((a, b) => (a.turn.id < b.turn.id ? -1 : 1));
}

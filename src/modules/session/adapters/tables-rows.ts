import type { TableEntity } from '@azure/data-tables';
import { withTurn, type ListOrder, type SessionSummary } from '../session-index.js';
import type { SessionKey } from '../../../common/session-id.js';
import { tableKey } from '../../../common/tables/table-key.js';
import type { StoredTurn } from '../stored-turn.js';

/**
 * A session is three entities of its tenant's partition, always changed in one transaction: `s|id` is the session;
 * `a|time|id` and `d|time|id` carry the same fields under keys that sort by time of the latest turn, oldest and newest
 * first, because Table Storage returns entities in the order of their keys and in no other.
 */
export interface SessionFields {
  readonly title: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly turnCount: number;
  /** Left out when unknown. */
  readonly costUsd?: number;
  /** ISO 8601 UTC. */
  readonly expiresAt: string;
  /** Ids of the latest turns counted, so that a repeated call counts none twice. */
  readonly counted: string;
}

export type SessionEntity = TableEntity<SessionFields> & { etag?: string };

/** What a late word about a turn may be behind by. */
const REMEMBERED_TURNS = 64;
const TIME_DIGITS = 15;
const TIME_END = 10 ** TIME_DIGITS;

/** Behind the last key of a kind. */
export const ROWS_END = { asc: 'a}', desc: 'd}', session: 's}' } as const;
export const ROWS_START = { asc: 'a|', desc: 'd|', session: 's|' } as const;

export function orderedRow(order: ListOrder, { id, updatedAt }: Pick<SessionSummary, 'id' | 'updatedAt'>): string {
  const ms = Date.parse(updatedAt);
  const time = String(order === 'asc' ? ms : TIME_END - 1 - ms).padStart(TIME_DIGITS, '0');
  return `${ROWS_START[order]}${time}|${order === 'asc' ? id : inverted(id)}`;
}

/** Sorts the other way round; the end mark puts a longer id before its own beginning. */
function inverted(id: string): string {
  return `${Buffer.from(Buffer.from(id).map((byte) => 255 - byte)).toString('hex')}ff`;
}

/** The session's id out of an entity of any kind. */
function idOf(rowKey: string): string {
  if (rowKey.startsWith('s|')) return rowKey.slice(2);
  const id = rowKey.slice(2 + TIME_DIGITS + 1);
  if (rowKey.startsWith('a|')) return id;
  return Buffer.from(Buffer.from(id.slice(0, -2), 'hex').map((byte) => 255 - byte)).toString();
}

export function toSummary(entity: SessionEntity): SessionSummary {
  const { title, createdAt, updatedAt, turnCount, costUsd } = entity;
  return { id: idOf(entity.rowKey), title, createdAt, updatedAt, turnCount, costUsd: costUsd ?? null };
}

/** The fields with one more turn; `null` when that turn is counted already. @param found `null` = it is the first */
export function fieldsWith(found: SessionEntity | null, { turn, expiresAt }: StoredTurn): SessionFields | null {
  const counted = found?.counted.split(' ') ?? [];
  if (counted.includes(turn.id)) return null;
  const { costUsd, ...rest } = withTurn(found && toSummary(found), turn);
  const until = new Date(expiresAt).toISOString();
  return {
    ...rest,
    ...(costUsd === null ? {} : { costUsd }),
    expiresAt: found && found.expiresAt > until ? found.expiresAt : until,
    counted: [...counted, turn.id].slice(-REMEMBERED_TURNS).join(' '),
  };
}

export const placeOf = ({ tenant, sessionId }: SessionKey) => ({
  partitionKey: tableKey(tenant),
  rowKey: `s|${sessionId}`,
});

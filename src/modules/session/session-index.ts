import { textOf } from '../../common/chat.js';
import type { Turn } from './session.messages.js';
import type { SessionKey } from '../../common/session-id.js';
import type { StoredTurn } from './stored-turn.js';

/** What a list of sessions shows. Counts and cost are of the session's whole life, expired turns included. */
export interface SessionSummary {
  readonly id: string;
  readonly title: string;
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  /** ISO 8601 UTC, time of the latest turn. */
  readonly updatedAt: string;
  readonly turnCount: number;
  /** `null` as soon as the cost of one turn is unknown. */
  readonly costUsd: number | null;
}

export type ListOrder = 'asc' | 'desc';

export interface SummaryPage {
  readonly sessions: readonly SessionSummary[];
  readonly hasMore: boolean;
}

/** Which sessions a tenant has. Every method rejects with `StoreUnavailable` while the store cannot be used. */
export interface SessionIndex {
  /** Counts one turn, once, however often it is told: a store may have a turn long before it says so. A session is forgotten when its latest turn expires. */
  record(key: SessionKey, turn: StoredTurn): Promise<void>;

  find(key: SessionKey): Promise<SessionSummary | null>;

  /**
   * At most `limit` sessions by time of the latest turn (`desc` = newest first), ties by id.
   *
   * @param after the list begins behind this session's place
   */
  list(
    tenant: string,
    limit: number,
    order: ListOrder,
    after: Pick<SessionSummary, 'id' | 'updatedAt'> | null,
  ): Promise<SummaryPage>;

  /** Resolves to whether the session was there. */
  erase(key: SessionKey): Promise<boolean>;
}

const MAX_TITLE_CHARS = 80;

/** What agents put in front of the words of their user. */
const REMINDER = /<system-reminder>[^]*?<\/system-reminder>/g;
/** The reminders of an agent are looked through so far, characters. */
const SEARCHED = 65_536;

/** The first text a user wrote in this turn, on one line, cut to 80 characters; empty when there is none. */
export function titleOf(turn: Pick<Turn, 'messages'>): string {
  const texts = turn.messages.filter(({ role }) => role === 'user').map(textOf);
  const text = texts.map(oneLine).find((line) => line !== '') ?? '';
  return [...text].slice(0, MAX_TITLE_CHARS).join('').trimEnd();
}

/** The head is enough for a title; a pasted book need not be searched to its end. */
const oneLine = (text: string): string =>
  (text.startsWith('<system-reminder>') ? text.slice(0, SEARCHED).replaceAll(REMINDER, '') : text)
    .trimStart()
    .slice(0, 1_000)
    .toWellFormed()
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();

/** A session with one more turn. @param before `null` = the turn is its first */
export function withTurn(before: Omit<SessionSummary, 'id'> | null, turn: Turn): Omit<SessionSummary, 'id'> {
  const { at, costUsd } = turn;
  const { title, createdAt, updatedAt, turnCount, ...sum } = before ?? {
    title: '',
    createdAt: at,
    updatedAt: at,
    turnCount: 0,
    costUsd: 0,
  };
  return {
    title: title || titleOf(turn),
    createdAt: createdAt < at ? createdAt : at,
    updatedAt: updatedAt > at ? updatedAt : at,
    turnCount: turnCount + 1,
    costUsd: totalCost([sum, { costUsd }]),
  };
}

/** The summary that the turns alone give, oldest first; for sessions that the index could not record. */
export function summaryOf(id: string, [first, ...rest]: readonly [Turn, ...Turn[]]): SessionSummary {
  return { id, ...rest.reduce(withTurn, withTurn(null, first)) };
}

/** USD; `null` when the cost of one turn is unknown, because a sum without it would pass for the whole. */
export function totalCost(turns: readonly Pick<Turn, 'costUsd'>[]): number | null {
  return turns.reduce<number | null>(
    (sum, { costUsd }) => (sum === null || costUsd === null ? null : sum + costUsd),
    0,
  );
}

import { Injectable } from '@nestjs/common';
import { InvalidRequest, Overloaded, SessionNotFound } from '../../common/app-error.js';
import type { SessionKey } from '../../common/session-id.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { summaryOf, type ListOrder, type SessionSummary, type SummaryPage } from './session-index.js';
import type { Turn } from './session.messages.js';
import { SessionStores } from './session-stores.js';
import { mergeTurns, type StoredTurn } from './stored-turn.js';

const PAGE_TURNS = 100;
/** Of one conversation, for a request that goes on from it. */
export const MOST_TURNS = 2_000;
const RETRY_SECONDS = 5;

/** A session as its reader sees it. */
export interface SessionContent {
  readonly summary: SessionSummary;
  /** All that are kept, oldest first. */
  readonly turns: readonly Turn[];
}

export const sessionNotFound = ({ sessionId }: SessionKey): SessionNotFound =>
  new SessionNotFound(`There is no session "${sessionId}".`, 'id');

export const storeAway = (): Overloaded =>
  new Overloaded('The session store cannot be used at the moment. Try again.', RETRY_SECONDS);

/** The sessions of a tenant as its callers see them: what all stores hold together. */
@Injectable()
export class SessionReader {
  constructor(private readonly stores: SessionStores) {}

  /**
   * @param after id of the last session of the page before
   * @throws InvalidRequest when there is no session `after` (any more), Overloaded while the index is away
   */
  async list(tenant: string, limit: number, order: ListOrder, after: string | undefined): Promise<SummaryPage> {
    await this.stores.indexWriter.flush();
    const read = async (): Promise<SummaryPage> => {
      const place = after === undefined ? null : await this.stores.index.find({ tenant, sessionId: after });
      if (after !== undefined && !place) throw new InvalidRequest(`after: there is no session "${after}".`, 'after');
      return this.stores.index.list(tenant, limit, order, place);
    };
    const page = await ifAvailable(read, null);
    if (!page) throw storeAway();
    return page;
  }

  /**
   * The session with every turn that is kept. While the turn store is away, a session that is in the hot tail is shown
   * from there, with its newest turns; while the index is away the turns give the summary.
   *
   * @throws SessionNotFound, Overloaded
   */
  async read(key: SessionKey): Promise<SessionContent> {
    await this.stores.indexWriter.flush();
    const held = await this.held(key);
    const stored = await ifAvailable(() => this.allStored(key), null);
    if (!stored && held.length === 0) throw storeAway();
    const turns = mergeTurns(stored ?? [], held).map(({ turn }) => turn);
    const [first, ...rest] = turns;
    const listed = await ifAvailable(() => this.stores.index.find(key), undefined);
    if (listed) return { summary: listed, turns };
    if (first) return { summary: summaryOf(key.sessionId, [first, ...rest]), turns };
    throw listed === undefined ? storeAway() : sessionNotFound(key);
  }

  /** What does not come from a durable store. */
  async held(key: SessionKey): Promise<StoredTurn[]> {
    return mergeTurns((await this.stores.hotTail.read(key)).turns, this.stores.outboxes.memory.of(key));
  }

  /**
   * The turns of a session, oldest first, from the newest back to the one that is looked for, or the latest `MOST_TURNS`.
   *
   * @throws Overloaded while the turn store is away and the rest does not have it
   */
  async backTo(key: SessionKey, isIt: (turn: Turn) => boolean): Promise<readonly Turn[]> {
    const held = await this.held(key);
    const isThere = ({ turn }: StoredTurn): boolean => isIt(turn);
    if (held.some(isThere)) return held.map(({ turn }) => turn);
    const stored = await ifAvailable(() => this.allStored(key, MOST_TURNS, isThere), null);
    if (!stored) throw storeAway();
    return mergeTurns(stored, held).map(({ turn }) => turn);
  }

  private async allStored(
    key: SessionKey,
    limit = Infinity,
    isLast: (turn: StoredTurn) => boolean = () => false,
  ): Promise<StoredTurn[]> {
    const newestFirst: StoredTurn[] = [];
    let before: string | null = null;
    do {
      const page = await this.stores.turnStore.newest(key, PAGE_TURNS, before);
      newestFirst.push(...page.turns);
      before = page.turns.some(isLast) ? null : page.next;
    } while (before !== null && newestFirst.length < limit);
    return newestFirst.reverse();
  }
}

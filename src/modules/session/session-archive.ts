import { Injectable } from '@nestjs/common';
import { InvalidRequest, Overloaded, SessionNotFound } from '../../common/app-error.js';
import { ActiveSessions } from './active-sessions.js';
import { HotTail } from './hot-tail.js';
import { SessionIndex, summaryOf, type ListOrder, type SessionSummary, type SummaryPage } from './session-index.js';
import type { Turn } from './session.messages.js';
import { StoreUnavailable } from './store-unavailable.js';
import { mergeTurns, type SessionKey, type StoredTurn } from './stored-turn.js';
import { TurnStore } from './turn-store.js';

const PAGE_TURNS = 100;
const RETRY_SECONDS = 5;

export interface ArchivedSession {
  readonly summary: SessionSummary;
  /** All that are kept, oldest first. */
  readonly turns: readonly Turn[];
}

/** What callers may see and do with their tenant's sessions, over all stores. */
@Injectable()
export class SessionArchive {
  constructor(
    private readonly turnStore: TurnStore,
    private readonly hotTail: HotTail,
    private readonly index: SessionIndex,
    private readonly active: ActiveSessions,
  ) {}

  /**
   * @param after id of the last session of the page before
   * @throws InvalidRequest when there is no session `after` (any more), Overloaded while the index is away
   */
  async list(tenant: string, limit: number, order: ListOrder, after: string | undefined): Promise<SummaryPage> {
    return orOverloaded(async () => {
      const place = after === undefined ? null : await this.index.find({ tenant, sessionId: after });
      if (after !== undefined && !place) throw new InvalidRequest(`after: there is no session "${after}".`, 'after');
      return this.index.list(tenant, limit, order, place);
    });
  }

  /**
   * The session with every turn that is kept. While the store is away, a session that is in memory is shown from
   * there, with its newest turns.
   *
   * @throws SessionNotFound, Overloaded
   */
  async read(key: SessionKey): Promise<ArchivedSession> {
    const held = (await this.hotTail.read(key)).turns;
    const found = await orElse(held.length > 0, async () => ({
      summary: await this.index.find(key),
      turns: await this.allStored(key),
    }));
    const turns = mergeTurns(found?.turns ?? [], held).map(({ turn }) => turn);
    const [first, ...rest] = turns;
    const summary = found?.summary ?? (first ? summaryOf(key.sessionId, [first, ...rest]) : null);
    if (!summary) throw notFound(key);
    return { summary, turns };
  }

  /**
   * Deletes the session from every store. What is in memory goes even when the durable store is away; the caller is
   * then told to repeat, because the rest is still there.
   *
   * @throws SessionNotFound, Overloaded
   */
  async erase(key: SessionKey): Promise<void> {
    const held = (await this.hotTail.read(key)).turns;
    try {
      const hadTurns = await orOverloaded(() => this.turnStore.erase(key));
      const wasListed = await orOverloaded(() => this.index.erase(key));
      if (!hadTurns && !wasListed && held.length === 0) throw notFound(key);
    } finally {
      await this.hotTail.erase(key);
      this.active.forget(key);
    }
  }

  private async allStored(key: SessionKey): Promise<StoredTurn[]> {
    const newestFirst: StoredTurn[] = [];
    let before: string | null = null;
    do {
      const page = await this.turnStore.newest(key, PAGE_TURNS, before);
      newestFirst.push(...page.turns);
      before = page.next;
    } while (before !== null);
    return newestFirst.reverse();
  }
}

const notFound = ({ sessionId }: SessionKey) => new SessionNotFound(`There is no session "${sessionId}".`, 'id');

async function orOverloaded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    throw new Overloaded('The session store cannot be used at the moment. Try again.', RETRY_SECONDS);
  }
}

/** Where there is something to show without the store, `null` in place of its failure. */
async function orElse<T>(otherSource: boolean, work: () => Promise<T>): Promise<T | null> {
  try {
    return await orOverloaded(work);
  } catch (error) {
    if (otherSource && error instanceof Overloaded) return null;
    throw error;
  }
}

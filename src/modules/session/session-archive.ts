import { Injectable } from '@nestjs/common';
import { CommandBus, EventBus } from '@nestjs/cqrs';
import { InvalidRequest, Overloaded, SessionNotFound } from '../../common/app-error.js';
import { ForgetKeptAnswersCommand } from '../idempotency/idempotency.messages.js';
import { ActiveSessions } from './active-sessions.js';
import { HotTail } from './hot-tail.js';
import { IndexWriter } from './index-writer.js';
import { Outboxes } from './outboxes.js';
import { SessionIndex, summaryOf, type ListOrder, type SessionSummary, type SummaryPage } from './session-index.js';
import { SessionErasedEvent, type Turn } from './session.messages.js';
import { SessionStores } from './session-stores.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import type { SessionKey } from '../../common/session-id.js';
import { mergeTurns, type StoredTurn } from './stored-turn.js';
import { TurnStore } from './turn-store.js';

const PAGE_TURNS = 100;
const RETRY_SECONDS = 5;
/** A list shows what this replica has just stored, unless the index is slow, milliseconds. */
const INDEX_SETTLE_MS = 250;

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
    private readonly outboxes: Outboxes,
    private readonly indexWriter: IndexWriter,
    private readonly active: ActiveSessions,
    private readonly commands: CommandBus,
    private readonly events: EventBus,
    private readonly stores: SessionStores,
  ) {}

  /**
   * @param after id of the last session of the page before
   * @throws InvalidRequest when there is no session `after` (any more), Overloaded while the index is away
   */
  async list(tenant: string, limit: number, order: ListOrder, after: string | undefined): Promise<SummaryPage> {
    await this.indexWriter.settled(INDEX_SETTLE_MS);
    return orOverloaded(async () => {
      const place = after === undefined ? null : await this.index.find({ tenant, sessionId: after });
      if (after !== undefined && !place) throw new InvalidRequest(`after: there is no session "${after}".`, 'after');
      return this.index.list(tenant, limit, order, place);
    });
  }

  /**
   * The session with every turn that is kept. While the turn store is away, a session that is in the hot tail is shown
   * from there, with its newest turns; while the index is away the turns give the summary.
   *
   * @throws SessionNotFound, Overloaded
   */
  async read(key: SessionKey): Promise<ArchivedSession> {
    await this.indexWriter.settled(INDEX_SETTLE_MS);
    const held = await this.held(key);
    const stored = await orElse(held.length > 0, () => this.allStored(key));
    const turns = mergeTurns(stored ?? [], held).map(({ turn }) => turn);
    const listed = await orElse(turns.length > 0, () => this.index.find(key));
    const [first, ...rest] = turns;
    const summary = listed ?? (first ? summaryOf(key.sessionId, [first, ...rest]) : null);
    if (!summary) throw notFound(key);
    return { summary, turns };
  }

  /**
   * Deletes the session from every store and outbox, with the answers kept for keys, and tells the other replicas. What can be reached goes even when a store is away; the caller is
   * then told to repeat, because the rest is still there.
   *
   * @throws SessionNotFound, Overloaded
   */
  async erase(key: SessionKey): Promise<void> {
    const held = await this.held(key);
    const own = await this.numberOf(key);
    // The hot tail first: a turn that is stored from now on finds the erasure there, one that was stored before is found.
    const tail = await settled(() => this.hotTail.erase(key, own));
    const at = numberOr(tail, own);
    this.active.forget(key);
    this.indexWriter.forget(key, at);
    await this.indexWriter.settled(INDEX_SETTLE_MS);
    // Then the turn store: it leaves a mark, and a turn that is delivered late is dropped from then on.
    const erasures = [
      await settled(() => this.turnStore.erase(key, at)),
      await settled(async () => (await this.outboxes.erase(key), false)),
      await settled(() => this.index.erase(key)),
      () => (tail(), false),
      await settled(
        async () => (await this.commands.execute(new ForgetKeptAnswersCommand(key.tenant, key.sessionId)), false),
      ),
      await settled(async () => (await this.stores.erasures?.post(key, at), false)),
    ];
    const found = await orOverloaded(async () => erasures.map((erasure) => erasure()));
    if (!found.includes(true) && held.length === 0) throw notFound(key);
    this.events.publish(new SessionErasedEvent(key.tenant, key.sessionId));
  }

  /** Of an erasure now: about the time, and larger than those before. */
  private async numberOf(key: SessionKey): Promise<number> {
    const before = await this.turnStore.erasedAt(key).catch(() => null);
    return Math.max(Date.now(), (before ?? 0) + 1);
  }

  /** What does not come from a durable store. */
  private async held(key: SessionKey): Promise<StoredTurn[]> {
    return mergeTurns((await this.hotTail.read(key)).turns, this.outboxes.memory.of(key));
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

/** What the hot tail made of the number, unless it is away. */
function numberOr(tail: () => number, own: number): number {
  try {
    return tail();
  } catch {
    return own;
  }
}

/** The result, or the failure, for later; the other stores are tried all the same. */
async function settled<T>(work: () => Promise<T>): Promise<() => T> {
  try {
    const result = await work();
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

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

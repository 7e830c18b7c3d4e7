import type { Container, SqlQuerySpec } from '@azure/cosmos';
import type { StoreCheck } from '../../../common/store-check.js';
import type { CallTerms } from '../../../common/store-guard.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import type { SessionKey } from '../../../common/session-id.js';
import type { StoredTurn } from '../stored-turn.js';
import { fromDocument, readTurn, toDocument } from '../turn-document.js';
import { AFTER_ALL_IDS, ERASURE_MARK_MS, type TurnPage, type TurnStore } from '../turn-store.js';
import { isConflict, isMissing, type CosmosContainer } from './cosmos-container.js';

const NEWEST = `SELECT * FROM c WHERE c.pk = @pk AND c.tenant = @tenant AND c.session = @session
  AND c.expiresAt > @now AND c.id < @before ORDER BY c.id DESC`;
const IDS = 'SELECT c.id FROM c WHERE c.pk = @pk AND c.tenant = @tenant AND c.session = @session AND c.id != @mark';
/** Id of the document that says when the session was erased; no ULID. It has no `expiresAt`, so no read takes it for a turn. */
const MARK = 'erased';
const ERASE_PAGE = 100;
const ERASE_AT_ONCE = 10;
const MS_PER_SECOND = 1_000;

/**
 * Turns in Cosmos DB, one document each, never changed: `id` = ULID, partition key `pk` = `tenant|session`. Queries
 * name the tenant besides the partition, so that no mistake with a key can show another tenant's turns. `ttl` lets
 * Cosmos delete; `expiresAt` hides what it has not deleted yet.
 *
 * @param now epoch milliseconds
 */
export class CosmosTurnStore implements TurnStore {
  readonly refusesErased = false;

  constructor(
    private readonly cosmos: CosmosContainer,
    private readonly now: () => number = Date.now,
  ) {}

  async append(key: SessionKey, { turn, expiresAt }: StoredTurn): Promise<boolean> {
    const ttl = Math.max(1, Math.ceil((expiresAt - Date.parse(turn.at)) / MS_PER_SECOND));
    const document = { ...toDocument(turn), ...placeOf(key), expiresAt, ttl };
    try {
      await this.cosmos.run(async (container, abortSignal) => {
        const { resource } = await container.items.create(document, { abortSignal });
        if (resource?.id !== turn.id) throw new StoreUnavailable('an answer that is not of Cosmos DB');
      }, isConflict);
    } catch (error) {
      if (!isConflict(error)) throw error; // our own earlier try, whose answer was lost, or another drain
    }
    return true;
  }

  async remove(key: SessionKey, id: string): Promise<void> {
    try {
      const place = partitionOf(key);
      await this.cosmos.run((container, abortSignal) => container.item(id, place).delete({ abortSignal }), isMissing);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async newest(key: SessionKey, limit: number, before: string | null, lastResortMs?: number): Promise<TurnPage> {
    const parameters = [...named(key, { now: this.now(), before: before ?? AFTER_ALL_IDS })];
    const terms = lastResortMs === undefined ? {} : { deadlineMs: lastResortMs, lastResort: true };
    const spec = { query: NEWEST, parameters };
    const documents = await this.query<{ id: string; expiresAt: number }>(key, limit, spec, terms);
    return {
      turns: documents.flatMap((document) => readTurn(`turn ${document.id}`, key, () => storedTurn(document))),
      next: documents.length === limit ? documents.at(-1)!.id : null,
    };
  }

  async erase(key: SessionKey, at: number): Promise<boolean> {
    await this.mark(key, at); // first: what is delivered from now on is dropped
    const spec = { query: IDS, parameters: [...named(key, { mark: MARK })] };
    let erased = 0;
    for (;;) {
      const page = await this.query<{ id: string }>(key, ERASE_PAGE, spec);
      if (page.length === 0) return erased > 0;
      for (let from = 0; from < page.length; from += ERASE_AT_ONCE) {
        await Promise.all(page.slice(from, from + ERASE_AT_ONCE).map(({ id }) => this.remove(key, id)));
      }
      erased += page.length;
    }
  }

  async erasedAt(key: SessionKey): Promise<number | null> {
    const { resource } = await this.cosmos.run((container, abortSignal) =>
      container.item(MARK, partitionOf(key)).read<{ tenant: string; erasedAt: number }>({ abortSignal }),
    );
    if (resource?.tenant !== key.tenant || this.now() - resource.erasedAt >= ERASURE_MARK_MS) return null;
    return resource.erasedAt;
  }

  check(): Promise<StoreCheck> {
    return this.cosmos.check('Cosmos DB', async (container, abortSignal) => {
      const { resource } = await container.read({ abortSignal });
      if (resource?.id !== container.id) throw new StoreUnavailable('an answer that is not of Cosmos DB');
    });
  }

  private async mark(key: SessionKey, erasedAt: number): Promise<void> {
    const document = { id: MARK, ...placeOf(key), erasedAt, ttl: ERASURE_MARK_MS / MS_PER_SECOND };
    await this.cosmos.run((container, abortSignal) => container.items.upsert(document, { abortSignal }));
  }

  /** The first `limit` documents. A page may come back short before the end, so pages are read until it is full. */
  private query<T>(key: SessionKey, limit: number, spec: SqlQuerySpec, terms: CallTerms = {}): Promise<T[]> {
    const readPages = async (container: Container, abortSignal: AbortSignal): Promise<T[]> => {
      const options = { partitionKey: partitionOf(key), maxItemCount: limit, abortSignal };
      const pages = container.items.query<T>(spec, options);
      const found: T[] = [];
      do {
        const { resources } = await pages.fetchNext();
        found.push(...(resources ?? []));
      } while (found.length < limit && pages.hasMoreResults());
      return found.slice(0, limit);
    };
    return this.cosmos.run(readPages, undefined, terms);
  }
}

function storedTurn(document: { readonly expiresAt: number }): StoredTurn {
  const bytes = Buffer.byteLength(JSON.stringify(document));
  return { turn: fromDocument(document), expiresAt: document.expiresAt, bytes };
}

/** `|` cannot be part of a session id and is escaped in a tenant's name, so no two sessions share a partition. */
const partitionOf = ({ tenant, sessionId }: SessionKey): string =>
  `${encodeURIComponent(tenant.toWellFormed())}|${sessionId}`;

const placeOf = (key: SessionKey) => ({ pk: partitionOf(key), tenant: key.tenant, session: key.sessionId });

function* named(key: SessionKey, more: Record<string, string | number> = {}) {
  for (const [name, value] of Object.entries({ ...placeOf(key), ...more })) yield { name: `@${name}`, value };
}

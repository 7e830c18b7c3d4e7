import type { TransactionAction } from '@azure/data-tables';
import type { StoreCheck } from '../../../common/store-check.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import type { SessionIndex, ListOrder, SessionSummary, SummaryPage } from '../session-index.js';
import type { SessionKey } from '../../../common/session-id.js';
import type { StoredTurn } from '../stored-turn.js';
import { isMissing, isOvertaken, type TablesConnection } from '../../../common/tables/adapters/azure-tables.js';
import { tableKey } from '../../../common/tables/table-key.js';
import {
  fieldsWith,
  orderedRow,
  placeOf,
  ROWS_END,
  ROWS_START,
  toSummary,
  type SessionEntity,
  type SessionFields,
} from './tables-rows.js';

/** Several replicas may count turns of one session at once; each round one of them wins. */
const MAX_ROUNDS = 20;
const SWEEP_PAGE = 100;
const NOT_OURS = 'an answer that is not of Table Storage';

/** The list of sessions in Azure Table Storage; partition = tenant. @param now epoch milliseconds */
export class TablesSessionIndex implements SessionIndex {
  constructor(
    private readonly tables: TablesConnection,
    private readonly now: () => number = Date.now,
  ) {}

  async record(key: SessionKey, turn: StoredTurn): Promise<void> {
    await this.change(key, (found) => {
      const fields = fieldsWith(found && this.isCurrent(found) ? found : null, turn);
      return fields ? replacing(key, found, fields) : [];
    });
  }

  async find(key: SessionKey): Promise<SessionSummary | null> {
    const found = await this.entity(key);
    return found && this.isCurrent(found) ? toSummary(found) : null;
  }

  async list(
    tenant: string,
    limit: number,
    order: ListOrder,
    after: Pick<SessionSummary, 'id' | 'updatedAt'> | null,
  ): Promise<SummaryPage> {
    const from = after ? orderedRow(order, after) : ROWS_START[order];
    const filter = `PartitionKey eq '${tableKey(tenant)}' and RowKey gt '${from}' and RowKey lt '${ROWS_END[order]}' and ${this.unexpired()}`;
    const rows = await this.query(filter, limit + 1);
    return { sessions: rows.slice(0, limit).map(toSummary), hasMore: rows.length > limit };
  }

  async erase(key: SessionKey): Promise<boolean> {
    const found = await this.change(key, (entity) => (entity ? deletingRows(entity) : []));
    return found !== null && this.isCurrent(found);
  }

  /** Whether a session could be recorded now. Never rejects. */
  check(): Promise<StoreCheck> {
    return this.tables.check('Azure Table Storage', async (client, abortSignal) => {
      const filter = "PartitionKey eq '' and RowKey eq ''";
      const page = await client
        .listEntities({ queryOptions: { filter }, abortSignal })
        .byPage({ maxPageSize: 1 })
        .next();
      if (!Array.isArray(page.value)) throw new StoreUnavailable(NOT_OURS);
    });
  }

  /** Deletes some of the sessions whose latest turn has expired; no read returns them, so nothing waits for this. */
  async sweep(): Promise<void> {
    const expired = `RowKey ge '${ROWS_START.session}' and RowKey lt '${ROWS_END.session}' and not (${this.unexpired()})`;
    for (const row of await this.query(expired, SWEEP_PAGE)) {
      await this.submit(deletingRows(row)).catch((error: unknown) => {
        if (!isOvertaken(error)) throw error; // another replica swept it, or it has begun anew
      });
    }
  }

  /** Looks and writes, until nobody else was faster. @returns what was found */
  private async change(
    key: SessionKey,
    actionsOn: (found: SessionEntity | null) => TransactionAction[],
  ): Promise<SessionEntity | null> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const found = await this.entity(key);
      const actions = actionsOn(found);
      try {
        if (actions.length > 0) await this.submit(actions);
        return found;
      } catch (error) {
        if (!isOvertaken(error)) throw error;
      }
    }
    throw new StoreUnavailable(`tables: session was changed by others ${MAX_ROUNDS} times in a row`);
  }

  private unexpired(): string {
    return `expiresAt gt '${new Date(this.now()).toISOString()}'`;
  }

  private isCurrent({ expiresAt }: SessionEntity): boolean {
    return Date.parse(expiresAt) > this.now();
  }

  private async entity(key: SessionKey): Promise<SessionEntity | null> {
    const { partitionKey, rowKey } = placeOf(key);
    try {
      const found = await this.tables.run(async (client, abortSignal) => {
        const entity = await client.getEntity<SessionFields>(partitionKey, rowKey, { abortSignal });
        if (typeof entity.counted !== 'string') throw new StoreUnavailable(NOT_OURS);
        return entity;
      }, isMissing);
      return { ...found, partitionKey, rowKey };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  private async submit(actions: TransactionAction[]): Promise<void> {
    await this.tables.run((client, abortSignal) => client.submitTransaction(actions, { abortSignal }), isOvertaken);
  }

  private async query(filter: string, limit: number): Promise<SessionEntity[]> {
    const rows: SessionEntity[] = [];
    let continuationToken: string | undefined;
    do {
      const page = await this.tables.run(async (client, abortSignal) => {
        const pages = client
          .listEntities<SessionFields>({ queryOptions: { filter }, abortSignal })
          .byPage({ maxPageSize: limit - rows.length, ...(continuationToken ? { continuationToken } : {}) });
        const page = await pages.next();
        if (!page.done && !Array.isArray(page.value)) throw new StoreUnavailable(NOT_OURS);
        return page;
      });
      if (page.done) break;
      rows.push(...(page.value as SessionEntity[])); // without a `select` the keys are always there
      continuationToken = page.value.continuationToken;
    } while (continuationToken && rows.length < limit);
    return rows;
  }
}

/** `found` and its ordered rows become rows with `fields`, or nothing happens when somebody was faster. */
function replacing(key: SessionKey, found: SessionEntity | null, fields: SessionFields): TransactionAction[] {
  const place = placeOf(key);
  const actions: TransactionAction[] = found
    ? [['update', { ...place, ...fields }, 'Replace', { etag: found.etag! }]]
    : [['create', { ...place, ...fields }]];
  for (const order of ['asc', 'desc'] as const) {
    const rowKey = orderedRow(order, { id: key.sessionId, updatedAt: fields.updatedAt });
    const oldKey = found && orderedRow(order, { id: key.sessionId, updatedAt: found.updatedAt });
    const { partitionKey } = place;
    if (oldKey && oldKey !== rowKey) actions.push(['delete', { partitionKey, rowKey: oldKey }]);
    actions.push(['upsert', { ...place, ...fields, rowKey }, 'Replace']);
  }
  return actions;
}

function deletingRows(found: SessionEntity): TransactionAction[] {
  const { id, updatedAt } = toSummary(found);
  const { partitionKey } = found;
  const rows = [found.rowKey, orderedRow('asc', { id, updatedAt }), orderedRow('desc', { id, updatedAt })];
  return rows.map((rowKey) => ['delete', { partitionKey, rowKey }]);
}

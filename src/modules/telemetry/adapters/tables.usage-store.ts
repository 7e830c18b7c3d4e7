import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { TableClient, TableEntity, TransactionAction } from '@azure/data-tables';
import type { Expected } from '../../../common/store-connection.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { isMissing, isOvertaken, type TablesConnection } from '../../../common/tables/adapters/azure-tables.js';
import { tableKey } from '../../../common/tables/table-key.js';
import { addTo, MONTH_CHARACTERS, type UsageRow } from '../usage/usage-row.js';
import type { UsageBatch, UsageRange, UsageStore } from '../usage/usage-store.js';

/** Nobody waits for a call, so that it may take longer than one on the way of a request. */
const TERMS = { deadlineMs: 2_000 };
/** Several replicas may add to the same rows at once; each round one of them wins. */
const MAX_ROUNDS = 20;
/** Before the next round, milliseconds: at most so many a round, a random part of it. */
const ROUND_MS = 25;
const SIDE_BY_SIDE = 10;
const PAGE = 1_000;
const MOST_OF_TRANSACTION = 100;
/** A key has 1 KiB at most. */
const LONGEST_KEY = 300;
const NOT_OURS = 'an answer that is not of Table Storage';

/** Sums are 64 bits wide. */
interface UsageFields {
  readonly tenant: string;
  readonly user: string;
  readonly model: string;
  readonly target: string;
  readonly day: string;
  readonly requests: bigint;
  readonly promptTokens: bigint;
  readonly completionTokens: bigint;
  readonly cachedTokens: bigint;
  readonly costNanoUsd: bigint;
  readonly savedNanoUsd: bigint;
  readonly unpricedRequests: bigint;
}

interface MarkerFields {
  /** Of the latest batch that was added. */
  readonly batch: bigint;
}

type Work<R> = (client: TableClient, signal: AbortSignal) => Promise<R>;
type Found<T extends object> = TableEntity<T> & { readonly etag: string };

interface Place {
  readonly partitionKey: string;
  readonly rowKey: string;
}

/** Behind the last partition of a month, behind the last row of a day. */
const END = '}';
const ROW = 'r|';
const MARKER = 'm|';

/** The tenants of a month stand together: an operator reads it in one go, and old months leave from the front. */
function partitionOf(month: string, tenant: string): string {
  const key = tableKey(tenant);
  return `${month}|${key.length > LONGEST_KEY ? `=${hash('sha256', tenant)}` : key}`;
}

/** Names may be of any length and have any character, so the key has their hash; the entity has the names. */
const rowKeyOf = ({ day, user, model, target }: UsageRow): string =>
  `${ROW}${day}|${hash('sha256', JSON.stringify([user, model, target]), 'base64url')}`;

/**
 * Usage in Azure Table Storage; partition = month and tenant. A row is changed where it is, so there are as many entities as
 * there are keys, whoever writes how often. A batch is one transaction: its rows, under the versions that were read, and the
 * marker of its replica, which tells whether it is there already.
 */
export class TablesUsageStore implements UsageStore {
  /** Where replicas left a marker through this adapter. */
  private readonly markers = new Map<string, Place>();

  constructor(private readonly table: TablesConnection) {}

  async add(batch: UsageBatch): Promise<void> {
    const partitionKey = partitionOf(batch.month, batch.tenant);
    const marker = { partitionKey, rowKey: `${MARKER}${batch.replica}` };
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const noted = await this.find<MarkerFields>(marker);
      if (noted && noted.batch >= BigInt(batch.number)) return;
      const found = await this.findAll(batch.rows.map((row) => ({ partitionKey, rowKey: rowKeyOf(row) })));
      const actions = batch.rows.map((row, i) => summed(partitionKey, row, found[i] ?? null));
      actions.push(written(marker, { batch: BigInt(batch.number) }, noted));
      if (await this.submit(actions)) {
        this.markers.set(partitionKey, marker);
        return;
      }
      await delay(Math.random() * round * ROUND_MS);
    }
    throw new StoreUnavailable(`tables (usage): rows were changed by others ${MAX_ROUNDS} times in a row`);
  }

  async *pages({ from, to, tenant }: UsageRange): AsyncGenerator<readonly UsageRow[]> {
    const rows = `RowKey ge '${ROW}${from}' and RowKey lt '${ROW}${to}${END}'`;
    for (const month of monthsOf(from, to)) {
      const partitions =
        tenant === null
          ? `PartitionKey ge '${month}|' and PartitionKey lt '${month}${END}'`
          : `PartitionKey eq '${partitionOf(month, tenant)}'`;
      for await (const page of this.query<UsageFields>(`${partitions} and ${rows}`)) yield page.map(toRow);
    }
  }

  async close(): Promise<void> {
    for (const [name, { partitionKey, rowKey }] of this.markers) {
      await this.ifThere((client, abortSignal) => client.deleteEntity(partitionKey, rowKey, { abortSignal }));
      this.markers.delete(name);
    }
  }

  async sweep(month: string): Promise<void> {
    for await (const page of this.query(`PartitionKey lt '${month}'`, ['PartitionKey', 'RowKey'])) {
      const partitions = Map.groupBy(page, ({ partitionKey }) => partitionKey);
      for (const [partitionKey, entities] of partitions) {
        for (let i = 0; i < entities.length; i += MOST_OF_TRANSACTION) {
          const some = entities.slice(i, i + MOST_OF_TRANSACTION);
          await this.submit(some.map(({ rowKey }) => ['delete', { partitionKey, rowKey: rowKey }]));
        }
      }
    }
  }

  private async find<T extends object>({ partitionKey, rowKey }: Place): Promise<Found<T> | null> {
    return this.ifThere(async (client, abortSignal) => {
      const found = await client.getEntity<T>(partitionKey, rowKey, { abortSignal });
      if (!found.etag) throw new StoreUnavailable(NOT_OURS);
      return found as unknown as Found<T>;
    });
  }

  private async findAll(places: readonly Place[]): Promise<(Found<UsageFields> | null)[]> {
    const found: (Found<UsageFields> | null)[] = [];
    for (let i = 0; i < places.length; i += SIDE_BY_SIDE) {
      const some = places.slice(i, i + SIDE_BY_SIDE);
      found.push(...(await Promise.all(some.map((place) => this.find<UsageFields>(place)))));
    }
    return found;
  }

  /** Whether it was done; `false` = somebody was faster, or it had been done before. */
  private async submit(actions: TransactionAction[]): Promise<boolean> {
    try {
      await this.run((client, abortSignal) => client.submitTransaction(actions, { abortSignal }), isOvertaken);
      return true;
    } catch (error) {
      if (isOvertaken(error)) return false;
      throw error;
    }
  }

  private async *query<T extends object>(filter: string, select?: string[]): AsyncGenerator<TableEntity<T>[]> {
    let continuationToken: string | undefined;
    do {
      const token = continuationToken;
      const page = await this.run(async (client, abortSignal) => {
        const queryOptions = { filter, ...(select ? { select } : {}) };
        const settings = { maxPageSize: PAGE, ...(token ? { continuationToken: token } : {}) };
        const next = await client.listEntities<T>({ queryOptions, abortSignal }).byPage(settings).next();
        if (!next.done && !Array.isArray(next.value)) throw new StoreUnavailable(NOT_OURS);
        return next;
      });
      if (page.done) return;
      continuationToken = page.value.continuationToken;
      yield page.value as TableEntity<T>[];
    } while (continuationToken);
  }

  private async ifThere<R>(work: Work<R>): Promise<R | null> {
    try {
      return await this.run(work, isMissing);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  private run<R>(work: Work<R>, expected?: Expected): Promise<R> {
    return this.table.run(work, expected, TERMS);
  }
}

function monthsOf(from: string, to: string): string[] {
  const last = to.slice(0, MONTH_CHARACTERS);
  const months = [];
  for (let month = from.slice(0, MONTH_CHARACTERS); month <= last; month = monthAfter(month)) months.push(month);
  return months;
}

function monthAfter(month: string): string {
  const date = new Date(`${month}-01T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() + 1);
  return date.toISOString().slice(0, MONTH_CHARACTERS);
}

/** Creates, or replaces what was found and is still the same. */
function written<T extends object>(
  place: Place,
  fields: T,
  found: { readonly etag: string } | null,
): TransactionAction {
  const entity = { ...place, ...fields };
  return found ? ['update', entity, 'Replace', { etag: found.etag }] : ['create', entity];
}

function summed(partitionKey: string, row: UsageRow, found: Found<UsageFields> | null): TransactionAction {
  const sum = { ...row };
  if (found) addTo(sum, toRow(found));
  return written({ partitionKey, rowKey: rowKeyOf(row) }, toFields(sum), found);
}

const toFields = (row: UsageRow): UsageFields => ({
  tenant: row.tenant,
  user: row.user,
  model: row.model,
  target: row.target,
  day: row.day,
  requests: BigInt(row.requests),
  promptTokens: BigInt(row.promptTokens),
  completionTokens: BigInt(row.completionTokens),
  cachedTokens: BigInt(row.cachedTokens),
  costNanoUsd: BigInt(row.costNanoUsd),
  savedNanoUsd: BigInt(row.savedNanoUsd),
  unpricedRequests: BigInt(row.unpricedRequests),
});

const toRow = (fields: UsageFields): UsageRow => ({
  tenant: fields.tenant,
  user: fields.user,
  model: fields.model,
  target: fields.target,
  day: fields.day,
  requests: Number(fields.requests),
  promptTokens: Number(fields.promptTokens),
  completionTokens: Number(fields.completionTokens),
  cachedTokens: Number(fields.cachedTokens),
  costNanoUsd: Number(fields.costNanoUsd),
  savedNanoUsd: Number(fields.savedNanoUsd),
  unpricedRequests: Number(fields.unpricedRequests),
});

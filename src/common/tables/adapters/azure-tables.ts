import type { TableClient, TableServiceClientOptions } from '@azure/data-tables';
import type { RouterConfig } from '../../config/config.schema.js';
import { StoreConnection, type Opened, type StoreRules } from '../../store-connection.js';

const CONNECT_MS = 5_000;
/** Busy, timed out, internal error (learn.microsoft.com/rest/api/storageservices/table-service-error-codes). */
const TRANSIENT_STATUS = new Set([408, 429, 500, 503, 504]);

interface TablesError {
  readonly statusCode?: number;
  /** Of the connection, or of a transaction. */
  readonly code?: string;
  readonly response?: {
    readonly headers: { get(name: string): string | undefined };
    readonly parsedBody?: { readonly odataError?: { readonly code?: string } };
  };
}

const statusOf = (error: unknown): number | undefined => (error as TablesError).statusCode;

/** `ResourceNotFound`, `TableNotFound` and so on; the SDK has it in one place or the other. */
const kindOf = (error: unknown): string | undefined =>
  (error as TablesError).code ?? (error as TablesError).response?.parsedBody?.odataError?.code;

/** The entity, not the table. */
export const isMissing = (error: unknown): boolean => statusOf(error) === 404 && kindOf(error) === 'ResourceNotFound';
/** Somebody else changed or created the entity meanwhile. */
export const isOvertaken = (error: unknown): boolean =>
  isMissing(error) || statusOf(error) === 412 || kindOf(error) === 'EntityAlreadyExists';

const RULES: StoreRules = {
  transient: (error) => {
    const status = statusOf(error);
    return status === undefined ? (error as TablesError).code !== undefined : TRANSIENT_STATUS.has(status);
  },
  refused: (error) => [400, 413].includes(statusOf(error) ?? 0),
  lost: (error) => statusOf(error) === 404,
  throttled: (error) => [429, 503].includes(statusOf(error) ?? 0),
  retryAfterMs: (error) => Number((error as TablesError).response?.headers.get('retry-after') ?? 0) * 1_000 || 0,
};

export type TablesConnection = StoreConnection<TableClient>;

/** The tables of an Azure storage account; what they would hold is in the embedded database where there is none. */
export class AzureTables {
  private readonly tables: TablesConnection[] = [];

  constructor(private readonly config: RouterConfig['tables']) {}

  get configured(): boolean {
    return this.config.endpoint !== '' || this.config.connectionString !== '';
  }

  /** A table; it is created where it is missing. @param store what the log calls it */
  table(name: string, store = `tables (${name})`): TablesConnection {
    const table = new StoreConnection(store, RULES, () => openTable(this.config, name));
    this.tables.push(table);
    return table;
  }

  close(): void {
    for (const table of this.tables) table.close();
  }
}

type StoredRow<T extends object> = T & { readonly rowKey: string; readonly timestamp: string; readonly etag: string };

/** A partition of few and small entities, which are read all at once. */
export class TablesPartition<T extends object> {
  constructor(
    private readonly table: TablesConnection,
    private readonly name: string,
  ) {}

  /** @throws StoreUnavailable, as all methods */
  async put(rowKey: string, fields: T): Promise<void> {
    const entity = { partitionKey: this.name, rowKey, ...fields };
    await this.table.run((client, abortSignal) => client.upsertEntity(entity, 'Replace', { abortSignal }));
  }

  /** `timestamp` is when the service wrote it, ISO 8601: one clock for all replicas; `etag` is another with every write. */
  all(): Promise<StoredRow<T>[]> {
    return this.table.run(async (client, abortSignal) => {
      const filter = `PartitionKey eq '${this.name}'`;
      const rows = [];
      for await (const row of client.listEntities<T>({ queryOptions: { filter }, abortSignal })) rows.push(row);
      return rows as StoredRow<T>[];
    });
  }

  /** One that is not there is fine. */
  async remove(rowKey: string): Promise<void> {
    try {
      await this.table.run((client, abortSignal) => client.deleteEntity(this.name, rowKey, { abortSignal }), isMissing);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

async function openTable(config: RouterConfig['tables'], table: string): Promise<Opened<TableClient>> {
  const client = await createClient(config, table);
  await client.createTable({ abortSignal: AbortSignal.timeout(CONNECT_MS) }); // one that exists is fine for the SDK
  return { client, close: () => undefined };
}

/** With a connection string, else managed identity. */
async function createClient(
  { endpoint, connectionString }: RouterConfig['tables'],
  table: string,
): Promise<TableClient> {
  const { TableClient } = await import('@azure/data-tables');
  const allowInsecureConnection = /(^|=)http:\/\//.test(connectionString || endpoint); // the emulator
  const options: TableServiceClientOptions = { allowInsecureConnection, retryOptions: { maxRetries: 0 } };
  if (connectionString) return TableClient.fromConnectionString(connectionString, table, options);
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new TableClient(endpoint, table, new DefaultAzureCredential(), options);
}

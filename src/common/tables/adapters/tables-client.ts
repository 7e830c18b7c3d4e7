import type { TableClient, TableServiceClientOptions } from '@azure/data-tables';
import type { RouterConfig } from '../../config/config.schema.js';
import { StoreConnection, type Opened, type StoreRules } from '../../store-connection.js';

const TABLE = 'sessions';
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

/** Whether there is a Table Storage; what it would hold is in the embedded database where not. */
export const hasTables = ({ endpoint, connectionString }: RouterConfig['tables']): boolean =>
  endpoint !== '' || connectionString !== '';

export type TablesConnection = StoreConnection<TableClient>;

/** The table of the sessions; it is created where it is missing. @param table its name */
export const tablesConnection = (config: RouterConfig['tables'], table = TABLE): TablesConnection =>
  new StoreConnection(table === TABLE ? 'tables' : `tables (${table})`, RULES, () => openTable(config, table));

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

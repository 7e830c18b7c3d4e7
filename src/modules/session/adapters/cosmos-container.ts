import type { Container, CosmosClient, CosmosClientOptions } from '@azure/cosmos';
import type { RouterConfig } from '../../../common/config/config.schema.js';
import { StoreConnection, type Opened, type StoreRules } from '../../../common/store-connection.js';

const CONTAINER = 'turns';
/** Of the calls that connect; every other call has a deadline of its own. */
const CONNECT_MS = 5_000;

/**
 * 429 throttled, 503 unavailable, 408 timed out, 449 try again, 410 gone
 * (learn.microsoft.com/azure/cosmos-db/nosql/conceptual-resilient-sdk-applications).
 */
const TRANSIENT_STATUS = new Set([408, 410, 429, 449, 503]);
const TRANSIENT_CODES = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'REQUEST_SEND_ERROR']);

const codeOf = (error: unknown): number | string | undefined => (error as { code?: number | string }).code;

export const isConflict = (error: unknown): boolean => codeOf(error) === 409;
export const isMissing = (error: unknown): boolean => codeOf(error) === 404;

const RULES: StoreRules = {
  transient: (error) => {
    const code = codeOf(error);
    return typeof code === 'number' ? TRANSIENT_STATUS.has(code) : TRANSIENT_CODES.has(code ?? '');
  },
  refused: (error) => [400, 413].includes(Number(codeOf(error))),
  lost: isMissing,
  throttled: (error) => codeOf(error) === 429,
  retryAfterMs: (error) => (error as { retryAfterInMs?: number }).retryAfterInMs ?? 0,
};

export type CosmosContainer = StoreConnection<Container>;

/** The container of the turns; database and container are created where they are missing and that is allowed. */
export const cosmosContainer = (config: RouterConfig['cosmos']): CosmosContainer =>
  new StoreConnection('cosmos', RULES, () => openContainer(config));

async function openContainer(config: RouterConfig['cosmos']): Promise<Opened<Container>> {
  const { CosmosClient } = await import('@azure/cosmos');
  const client = new CosmosClient(await clientOptions(config));
  try {
    return { client: await readyContainer(client, config.database), close: () => client.dispose() };
  } catch (error) {
    client.dispose();
    throw error;
  }
}

async function readyContainer(client: CosmosClient, database: string): Promise<Container> {
  const abortSignal = AbortSignal.timeout(CONNECT_MS);
  const container = client.database(database).container(CONTAINER);
  try {
    await container.read({ abortSignal });
  } catch (error) {
    if (!isMissing(error)) throw error;
    await client.databases.createIfNotExists({ id: database }, { abortSignal });
    const definition = { id: CONTAINER, partitionKey: { paths: ['/pk'] }, defaultTtl: -1 };
    await client.database(database).containers.createIfNotExists(definition, { abortSignal });
  }
  return container;
}

/** A key if there is one, else managed identity. */
async function clientOptions({ endpoint, key }: RouterConfig['cosmos']): Promise<CosmosClientOptions> {
  const shared: CosmosClientOptions = {
    endpoint,
    connectionPolicy: {
      requestTimeout: CONNECT_MS,
      enableEndpointDiscovery: false,
      retryOptions: { maxRetryAttemptCount: 0, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 0 },
    },
  };
  if (key) return { ...shared, key };
  const { DefaultAzureCredential } = await import('@azure/identity');
  return { ...shared, aadCredentials: new DefaultAzureCredential() };
}

import { at, closed, dev, every, has, list, ofType, prod, regionsOf, same, type Rule } from './rule.js';
import { REGIONS } from './deployment.js';

const REDIS = 'Microsoft.Cache/redisEnterprise';
const REDIS_DATABASE = 'Microsoft.Cache/redisEnterprise/databases';
const COSMOS = 'Microsoft.DocumentDB/databaseAccounts';
const COSMOS_CONTAINER = 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers';
const STORAGE = 'Microsoft.Storage/storageAccounts';
const OPENAI = 'Microsoft.CognitiveServices/accounts';
const VAULT = 'Microsoft.KeyVault/vaults';
const REGISTRY = 'Microsoft.ContainerRegistry/registries';
/** Cosmos DB Built-in Data Contributor: data alone, no containers and no keys. */
const COSMOS_DATA_CONTRIBUTOR = '00000000-0000-0000-0000-000000000002';

/** The door to the internet of a kind of resource is shut in staging and prod. */
const shut = (type: string, what: string): Rule =>
  has(
    type,
    `${what} cannot be reached from the internet in staging and prod`,
    {
      'properties.publicNetworkAccess': 'Disabled',
    },
    closed,
  );

export const DATA_RULES: readonly Rule[] = [
  has(REDIS_DATABASE, 'Redis is signed in to with Entra alone, encrypted, on port 10000, at one endpoint', {
    'properties.accessKeysAuthentication': 'Disabled',
    'properties.clientProtocol': 'Encrypted',
    'properties.port': 10_000,
    'properties.clusteringPolicy': 'EnterpriseCluster',
  }),
  has(REDIS_DATABASE, 'Redis evicts only what has a time to live: never the outbox', {
    'properties.evictionPolicy': 'VolatileLRU',
  }),
  has(
    REDIS_DATABASE,
    'Redis writes what it is told to a file in staging and prod: the outbox is there while Cosmos DB is away',
    { 'properties.persistence.aofEnabled': true },
    closed,
  ),
  has(REDIS, 'Redis speaks TLS 1.2 or later', { 'properties.minimumTlsVersion': '1.2' }),
  has(REDIS, 'Redis has two nodes in staging and prod', { 'properties.highAvailability': 'Enabled' }, closed),
  shut(REDIS, 'Redis'),
  {
    says: 'nothing is of the kind Azure Cache for Redis, which can no longer be created',
    type: REDIS,
    broken: (deployment) => ofType(deployment, 'Microsoft.Cache/redis').map(({ name }) => name),
  },
  {
    says: 'each region has a Redis, and the identity may use it',
    type: 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments',
    broken: (deployment) => {
      const counts = [REDIS, `${REDIS_DATABASE}/accessPolicyAssignments`].map(
        (type) => ofType(deployment, type).length,
      );
      return counts.every((count) => count === regionsOf(deployment)) ? [] : [counts.join(' and ')];
    },
  },
  has(COSMOS, 'Cosmos DB is read with session consistency and fails over by itself', {
    'properties.consistencyPolicy.defaultConsistencyLevel': 'Session',
    'properties.enableAutomaticFailover': true,
  }),
  has(COSMOS, 'one region takes writes, unless another is asked for', {
    'properties.enableMultipleWriteLocations': false,
  }),
  has(COSMOS, 'Cosmos DB has no keys, and speaks TLS 1.2 or later', {
    'properties.disableLocalAuth': true,
    'properties.minimalTlsVersion': 'Tls12',
  }),
  has(COSMOS, 'conversations can be brought back as they were', { 'properties.backupPolicy.type': 'Continuous' }),
  shut(COSMOS, 'Cosmos DB'),
  every(COSMOS, 'Cosmos DB is in every region, over zones in prod', (account, deployment) =>
    same(
      list(account, 'properties.locations'),
      [REGIONS.first, REGIONS.second].slice(0, regionsOf(deployment)).map((locationName, failoverPriority) => ({
        ...{ locationName, failoverPriority, isZoneRedundant: prod(deployment) },
      })),
    ),
  ),
  has(
    COSMOS,
    'Cosmos DB is paid by the request in dev',
    { 'properties.capabilities': [{ name: 'EnableServerless' }] },
    dev,
  ),
  every(
    COSMOS_CONTAINER,
    'Cosmos DB scales by itself in staging and prod',
    (container) => Number(at(container, 'properties.options.autoscaleSettings.maxThroughput')) >= 1000,
    closed,
  ),
  every(
    COSMOS_CONTAINER,
    'turns are partitioned by /pk, each says how long it lives, and messages are in no index',
    (container) =>
      container.name.endsWith('/turns') &&
      same(at(container, 'properties.resource.partitionKey.paths'), ['/pk']) &&
      at(container, 'properties.resource.defaultTtl') === -1 &&
      list(container, 'properties.resource.indexingPolicy.excludedPaths').some((path) => at(path, 'path') === '/*') &&
      list(container, 'properties.resource.indexingPolicy.includedPaths').every(
        (path) => !String(at(path, 'path')).includes('messages'),
      ),
  ),
  every(
    'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments',
    'the identity may read and write data of one database, and do nothing else',
    (role) =>
      String(at(role, 'properties.roleDefinitionId')).endsWith(COSMOS_DATA_CONTRIBUTOR) &&
      /\/dbs\/router$/.test(String(at(role, 'properties.scope'))),
  ),
  has(STORAGE, 'Storage has no keys, no public blobs, HTTPS and TLS 1.2 alone', {
    'properties.allowSharedKeyAccess': false,
    'properties.allowBlobPublicAccess': false,
    'properties.supportsHttpsTrafficOnly': true,
    'properties.minimumTlsVersion': 'TLS1_2',
  }),
  shut(STORAGE, 'Storage'),
  has(
    STORAGE,
    'Storage refuses what does not come through the network',
    {
      'properties.networkAcls.defaultAction': 'Deny',
    },
    closed,
  ),
  every(STORAGE, 'Storage is in another region, too, where the service is', (account, deployment) => {
    const sku = String(at(account, 'sku.name'));
    return dev(deployment) || sku === (regionsOf(deployment) === 2 ? 'Standard_RAGZRS' : 'Standard_ZRS');
  }),
  {
    says: 'there are the tables that the service uses',
    type: `${STORAGE}/tableServices/tables`,
    broken: (deployment) => {
      const names = ofType(deployment, `${STORAGE}/tableServices/tables`).map(({ name }) => name.split('/').at(-1));
      return ['sessions', 'usage', 'replicas'].filter((table) => !names.includes(table));
    },
  },
  has(OPENAI, 'Azure OpenAI has no keys', { 'properties.disableLocalAuth': true, kind: 'OpenAI' }),
  shut(OPENAI, 'Azure OpenAI'),
  every(
    `${OPENAI}/deployments`,
    "models have the provider's own content filter",
    (deployment) => at(deployment, 'properties.raiPolicyName') === undefined,
  ),
  {
    says: 'each region has models: a cheap and a strong one',
    type: `${OPENAI}/deployments`,
    broken: (deployment) => {
      const found = ofType(deployment, `${OPENAI}/deployments`).length;
      return found === 2 * regionsOf(deployment) ? [] : [`${found} deployments`];
    },
  },
  has(VAULT, 'the vault is opened by roles, and keeps what was deleted', {
    'properties.enableRbacAuthorization': true,
    'properties.enableSoftDelete': true,
  }),
  has(
    VAULT,
    'nothing in the vault of production can be destroyed at once',
    {
      'properties.enablePurgeProtection': true,
    },
    prod,
  ),
  shut(VAULT, 'the vault'),
  has(REGISTRY, 'the registry has no admin user, and nobody pulls without a name', {
    'properties.adminUserEnabled': false,
    'properties.anonymousPullEnabled': false,
  }),
  shut(REGISTRY, 'the registry'),
  has(REGISTRY, 'a closed registry is Premium', { 'sku.name': 'Premium' }, closed),
  {
    says: 'the registry has a copy in the second region',
    type: 'Microsoft.ContainerRegistry/registries/replications',
    in: (deployment) => regionsOf(deployment) === 2,
    broken: (deployment) =>
      ofType(deployment, `${REGISTRY}/replications`).some(({ location }) => location === REGIONS.second)
        ? []
        : [REGIONS.second],
  },
];

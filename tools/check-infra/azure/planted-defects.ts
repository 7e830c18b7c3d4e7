// One table, longer than a file should be: a row a defect, so that a new rule is one row of a diff.

/** One defect: the sentence that has to be broken by it, the file, what stands there and what is put there instead. */
export type Defect = readonly [rule: string, file: string, from: string, to: string];

const APP = 'infra/modules/container-app.bicep';
const REDIS = 'infra/modules/redis-cache.bicep';
const COSMOS = 'infra/modules/cosmos-db.bicep';
const STORAGE = 'infra/modules/storage-account.bicep';
const OPENAI = 'infra/modules/azure-openai.bicep';
const VAULT = 'infra/modules/key-vault.bicep';
const REGISTRY = 'infra/modules/container-registry.bicep';
const APIM = 'infra/modules/api-management.bicep';
const DOOR = 'infra/modules/front-door.bicep';
const ORIGINS = 'infra/modules/front-door-origins.bicep';
const WAF = 'infra/modules/waf-policy.bicep';
const LOGS = 'infra/modules/log-analytics.bicep';
const INSIGHTS = 'infra/modules/application-insights.bicep';
const REGION = 'infra/region.bicep';
const CONFIGURATION = 'infra/router.config.azure.yaml';
const MAIN = 'infra/main.bicep';
const DISABLED = "publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'";
const ENABLED = "publicNetworkAccess: publicAccess ? 'Enabled' : 'Enabled'";
const INGESTION = "publicNetworkAccessForIngestion: publicAccess ? 'Enabled' : 'Disabled'";
const INGESTION_OPEN = "publicNetworkAccessForIngestion: publicAccess ? 'Enabled' : 'Enabled'";

const IN_APP: readonly Defect[] = [
  ['at least 2 replicas run', APP, 'minReplicas: minReplicas\n', 'minReplicas: max(minReplicas - 1, 0)\n'],
  ['production has 20 replicas at most', APP, 'maxReplicas: maxReplicas\n', 'maxReplicas: maxReplicas * 10\n'],
  ['at 50 requests in flight', APP, 'string(concurrentRequestsPerReplica)', "'5${concurrentRequestsPerReplica}'"],
  ['at 70 % of the CPU', APP, "type: 'Utilization'", "type: 'AverageValue'"],
  [
    'the startup probe',
    APP,
    "type: 'Startup'\n        httpGet: { path: '/health'",
    "type: 'Startup'\n        httpGet: { path: '/up'",
  ],
  [
    'the liveness probe',
    APP,
    "type: 'Liveness'\n        httpGet: { path: '/health'",
    "type: 'Liveness'\n        httpGet: { path: '/ready'",
  ],
  [
    'the readiness probe',
    APP,
    "type: 'Readiness'\n        httpGet: { path: '/ready'",
    "type: 'Readiness'\n        httpGet: { path: '/live'",
  ],
  ['60 s to drain', APP, 'terminationGracePeriodSeconds = 60', 'terminationGracePeriodSeconds = 30'],
  ['several revisions run at once', APP, "activeRevisionsMode: 'Multiple'", "activeRevisionsMode: 'Single'"],
  [
    'traffic goes to revisions by their names',
    APP,
    'label: productionLabel\n              latestRevision: false',
    'label: productionLabel\n              latestRevision: true',
  ],
  [
    'the first revision is blue and gets everything',
    APP,
    "(revisionSuffix == productionSuffix ? '' : revisionSuffix)",
    'revisionSuffix',
  ],
  [
    'a new revision waits under the other label',
    APP,
    'weight: empty(idleSuffix) ? 100 : 100 - canaryPercent',
    'weight: empty(idleSuffix) ? 100 : 50',
  ],
  ['a canary gets what is asked for', APP, 'weight: canaryPercent', 'weight: canaryPercent + 1'],
  ['a revision has a name of its own', REGION, "? 'r${uniqueString(", "? '2${uniqueString("],
  ['the app listens on 8080', APP, 'allowInsecure: false', 'allowInsecure: true'],
  [
    'one identity, assigned to it',
    APP,
    "{ type: 'UserAssigned', userAssigned",
    "{ type: 'SystemAssigned,UserAssigned', userAssigned",
  ],
  [
    'secrets are read from the vault',
    REGION,
    "{ name: 'EXPECTED_REPLICAS'",
    "{ name: 'CACHE_SECRET', value: 'planted' }\n      { name: 'EXPECTED_REPLICAS'",
  ],
  ['Azure Monitor is signed in to', REGION, ';Authorization=AAD;ClientId=', ';ClientId='],
  ['memory is 2 GiB for each core', MAIN, "param memory string = '2Gi'", "param memory string = '4Gi'"],
  ['azd finds the app by its tag', REGION, 'tags: isPrimary ? union(', 'tags: isPrimary || !empty(prefix) ? union('],
  ['there is no app before there is an image', REGION, 'if (!empty(image)) {', 'if (!empty(prefix)) {'],
  [
    'replicas run on workload profiles',
    'infra/modules/container-apps-environment.bicep',
    "destination: 'azure-monitor'",
    "destination: 'log-analytics'",
  ],
  ['production is spread over zones', REGION, 'zoneRedundant: isProd', 'zoneRedundant: !isProd'],
  ['the environment is internal', REGION, 'internal: !publicAccess', 'internal: publicAccess'],
];

const IN_ATTACK: readonly Defect[] = [
  [
    'one door and starts as its image says',
    APP,
    "    name: 'router'\n    image",
    "    name: 'router'\n    command: ['/bin/sh', '-c', 'node dist/main.js']\n    image",
  ],
  [
    "the provider's own content filter",
    OPENAI,
    "versionUpgradeOption: 'OnceCurrentVersionExpired'",
    "versionUpgradeOption: 'OnceCurrentVersionExpired'\n      raiPolicyName: 'Microsoft.Nil'",
  ],
  [
    'Microsoft.Insights/metricAlerts: alerts wake',
    'infra/modules/metric-alerts.bicep',
    'enabled: enabled',
    'enabled: !enabled',
  ],
  ['cut off at no size', MAIN, 'dailyQuotaGb: isDev ? 1 : -1', 'dailyQuotaGb: 1'],
  [
    'nothing is made but what is known',
    'infra/modules/user-assigned-identity.bicep',
    'output clientId',
    "resource stranger 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = {\n  parent: identity\n  name: 'stranger'\n  properties: {\n    issuer: 'https://token.actions.githubusercontent.com'\n    subject: 'repo:stranger/repo:ref:refs/heads/main'\n    audiences: ['api://AzureADTokenExchange']\n  }\n}\n\noutput clientId",
  ],
];

const IN_CONFIGURATION: readonly Defect[] = [
  ['the configuration reads each variable', CONFIGURATION, 'deployment: ${LARGE_DEPLOYMENT}', 'deployment: large'],
  ['the app has each variable', CONFIGURATION, 'model: ${LARGE_MODEL}', 'model: ${LARGEST_MODEL}'],
  ['the configuration is valid', CONFIGURATION, 'strongShare: 0.4', 'strongShare: 4'],
];

const IN_DATA: readonly Defect[] = [
  [
    'Redis is signed in to with Entra alone',
    REDIS,
    "accessKeysAuthentication: 'Disabled'",
    "accessKeysAuthentication: 'Enabled'",
  ],
  ['Redis evicts only what has a time to live', REDIS, "'VolatileLRU'", "'AllKeysLRU'"],
  ['Redis writes what it is told to a file', REDIS, 'aofEnabled: true', 'aofEnabled: false'],
  ['Redis speaks TLS 1.2', REDIS, "minimumTlsVersion: '1.2'", "minimumTlsVersion: '1.1'"],
  ['Redis has two nodes', REDIS, "highAvailability: durable ? 'Enabled'", "highAvailability: durable ? 'Disabled'"],
  ['Redis cannot be reached', REDIS, DISABLED, ENABLED],
  [
    'Azure Cache for Redis',
    REDIS,
    "resource cluster 'Microsoft.Cache/redisEnterprise@2025-07-01'",
    "resource old 'Microsoft.Cache/redis@2024-11-01' = {\n  name: '${name}-old'\n  location: location\n  tags: tags\n  properties: { sku: { name: 'Standard', family: 'C', capacity: 1 } }\n}\n\nresource cluster 'Microsoft.Cache/redisEnterprise@2025-07-01'",
  ],
  [
    'each region has a Redis, and the identity may use it',
    REDIS,
    "resource access 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01' = {",
    "resource access 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01' = if (empty(name)) {",
  ],
  ['session consistency', COSMOS, "defaultConsistencyLevel: 'Session'", "defaultConsistencyLevel: 'Eventual'"],
  [
    'one region takes writes',
    MAIN,
    'param cosmosMultipleWriteLocations bool = false',
    'param cosmosMultipleWriteLocations bool = true',
  ],
  ['Cosmos DB has no keys', COSMOS, 'disableLocalAuth: true', 'disableLocalAuth: false'],
  [
    'conversations can be brought back',
    COSMOS,
    "type: 'Continuous'\n      continuousModeProperties: { tier: 'Continuous7Days' }",
    "type: 'Periodic'",
  ],
  ['Cosmos DB cannot be reached', COSMOS, DISABLED, ENABLED],
  ['Cosmos DB is in every region', COSMOS, 'isZoneRedundant: zoneRedundant', 'isZoneRedundant: !zoneRedundant'],
  ['Cosmos DB is paid by the request in dev', MAIN, 'serverless: isDev && !hasSecondary', 'serverless: false'],
  [
    'Cosmos DB scales by itself',
    COSMOS,
    'autoscaleSettings: { maxThroughput: autoscaleMaxThroughput }',
    'throughput: autoscaleMaxThroughput',
  ],
  ['turns are partitioned by /pk', COSMOS, "excludedPaths: [{ path: '/*' }, ", "excludedPaths: [{ path: '/x/*' }, "],
  ['data of one database', COSMOS, "scope: '${account.id}/dbs/${database.name}'", 'scope: account.id'],
  ['Storage has no keys', STORAGE, 'allowSharedKeyAccess: false', 'allowSharedKeyAccess: true'],
  ['Storage cannot be reached', STORAGE, DISABLED, ENABLED],
  ['Storage refuses what does not come through the network', STORAGE, "'Allow' : 'Deny'", "'Allow' : 'Allow'"],
  ['Storage is in another region', MAIN, "'Standard_RAGZRS'", "'Standard_GRS'"],
  ['there are the tables', STORAGE, "'usage', ", ''],
  ['Azure OpenAI has no keys', OPENAI, 'disableLocalAuth: true', 'disableLocalAuth: false'],
  ['Azure OpenAI cannot be reached', OPENAI, DISABLED, ENABLED],
  ['each region has models', OPENAI, 'for item in deployments: {', 'for item in take(deployments, 1): {'],
  ['the vault is opened by roles', VAULT, 'enableRbacAuthorization: true', 'enableRbacAuthorization: false'],
  ['can be destroyed at once', MAIN, 'purgeProtection: isProd', 'purgeProtection: isDev'],
  ['the vault cannot be reached', VAULT, DISABLED, ENABLED],
  ['the registry has no admin user', REGISTRY, 'adminUserEnabled: false', 'adminUserEnabled: true'],
  ['the registry cannot be reached', REGISTRY, DISABLED, ENABLED],
  ['a closed registry is Premium', MAIN, "? 'Standard' : 'Premium'", "? 'Standard' : 'Standard'"],
  [
    'the registry has a copy',
    MAIN,
    'replicaLocations: hasSecondary ? [secondaryLocation] : []',
    'replicaLocations: []',
  ],
];

const IN_EDGE: readonly Defect[] = [
  [
    'each region has a gateway',
    REGION,
    "module apiManagement 'modules/api-management.bicep' = {",
    "module spare 'modules/api-management.bicep' = {\n  name: '${prefix}-spare'\n  params: {\n    name: '${prefix}-spare'\n    location: location\n    tags: tags\n    skuName: apimSku\n    capacity: apimCapacity\n    publisherEmail: apimPublisherEmail\n    publicNetworkAccess: false\n    subnetId: ''\n    appName: appName\n    appDomain: appName\n    frontDoorId: frontDoorId\n    entraTenantId: entraTenantId\n    apiAudience: apiAudience\n    userRequestsPerMinute: userRequestsPerMinute\n    applicationInsightsName: monitor.applicationInsightsName\n    applicationInsightsResourceGroup: sharedResourceGroup\n    applicationInsightsConnectionString: monitor.connectionString\n    workspaceId: workspaceId\n  }\n}\n\nmodule apiManagement 'modules/api-management.bicep' = {",
  ],
  [
    'the gateway of dev is the small one',
    MAIN,
    "publicAccess ? 'BasicV2' : 'StandardV2'",
    "publicAccess ? 'StandardV2' : 'StandardV2'",
  ],
  ['the gateway reaches into the network', APIM, "'None' : 'External'", "'None' : 'None'"],
  [
    'closes its door',
    REGION,
    'publicNetworkAccess: gatewayPublicAccess',
    'publicNetworkAccess: gatewayPublicAccess || true',
  ],
  ['one breaker rule', APIM, "tripDuration: 'PT10S'", "tripDuration: 'PT1M'"],
  ['the API is HTTPS alone', APIM, "protocols: ['https']", "protocols: ['http', 'https']"],
  ['every value that the policies read', APIM, "'api-audience': apiAudience", "'api-audiences': apiAudience"],
  ['every operation with its policy', APIM, 'if (!empty(item.policy))', "if (item.policy == 'chat.xml')"],
  ['the policy of all APIs', APIM, "loadTextContent('../apim/global.xml')", "loadTextContent('../apim/open.xml')"],
  ['the policy of the API is', APIM, "loadTextContent('../apim/api.xml')", "loadTextContent('../apim/open.xml')"],
  [
    'no byte of a body',
    APIM,
    'frontend: { request: { headers: [], body: { bytes: 0 } }',
    'frontend: { request: { headers: [], body: { bytes: 512 } }',
  ],
  [
    'Front Door is Premium',
    DOOR,
    "sku: { name: 'Premium_AzureFrontDoor' }",
    "sku: { name: 'Standard_AzureFrontDoor' }",
  ],
  ['the firewall stands in front of everything', DOOR, "patternsToMatch: ['/*']", "patternsToMatch: ['/v1/*']"],
  ['the firewall refuses', WAF, "mode: 'Prevention'", "mode: 'Detection'"],
  [
    'leaves the text of prompts alone',
    WAF,
    "exclusions: [\n            { matchVariable: 'RequestBodyJsonArgNames'",
    "exclusions: [\n            { matchVariable: 'RequestHeaderNames'",
  ],
  ['asks each gateway whether the service is ready', ORIGINS, "probePath: '/ready'", "probePath: '/'"],
  ['Front Door takes HTTPS alone on', ORIGINS, "forwardingProtocol: 'HttpsOnly'", "forwardingProtocol: 'MatchRequest'"],
  ['knows the gateway of each region', ORIGINS, 'priority: i + 1', 'priority: 1'],
  ['gateways by private link', ORIGINS, "groupId: 'Gateway'", "groupId: 'gateway-2'"],
  [
    'reach everything through the network',
    REGION,
    "{ name: 'tables', groupId: 'table'",
    "{ name: 'tables', groupId: 'blob'",
  ],
  [
    'has its name there',
    'infra/modules/private-endpoint.bicep',
    'for zoneId in privateDnsZoneIds: {',
    'for zoneId in take(privateDnsZoneIds, 0): {',
  ],
  ['what nobody may do is refused', 'infra/modules/network-security-group.bicep', 'priority: 4000', 'priority: 4001'],
  [
    'there is one identity',
    'infra/modules/user-assigned-identity.bicep',
    'output id string',
    "resource spare 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {\n  name: '${name}-spare'\n  location: location\n  tags: tags\n}\n\noutput id string",
  ],
  [
    'nobody has a role but the least ones',
    VAULT,
    '4633458b-17de-408a-b874-0445c86b69e6',
    '00482a5a-887f-4fb3-b363-3b7fe8e74483',
  ],
];

const IN_WATCH: readonly Defect[] = [
  [
    'each query of infra/alerts',
    'infra/modules/log-alerts.bicep',
    "name: 'RouterBudget80'\n",
    "name: 'RouterBudget79'\n",
  ],
  [
    'Microsoft.Insights/scheduledQueryRules: alerts wake',
    MAIN,
    "param alertsEnabled bool = environmentName == 'prod'",
    "param alertsEnabled bool = environmentName == 'dev'",
  ],
  [
    'what Azure measures by itself is watched',
    'infra/modules/metric-alerts.bicep',
    "metric: 'Replicas'",
    "metric: 'Requests'",
  ],
  [
    'every contact is told of alerts',
    'infra/modules/action-group.bicep',
    'for email in emails: {',
    'for email in take(emails, 1): {',
  ],
  [
    'notices at 80 % and 90 %',
    'infra/modules/budget.bicep',
    "{ name: 'actual-90', threshold: 90",
    "{ name: 'actual-95', threshold: 95",
  ],
  [
    'of every resource group',
    MAIN,
    "hasSecondary ? ['rg-${prefix}', 'rg-${prefix}-2']",
    "hasSecondary ? ['rg-${prefix}']",
  ],
  ['logs are read and written with a sign-in', LOGS, 'disableLocalAuth: true', 'disableLocalAuth: false'],
  ['telemetry is sent with a sign-in', INSIGHTS, 'DisableLocalAuth: true', 'DisableLocalAuth: false'],
  ['logs come in through the network', LOGS, INGESTION, INGESTION_OPEN],
  ['telemetry comes in through the network', INSIGHTS, INGESTION, INGESTION_OPEN],
  [
    'tells the workspace what happens',
    OPENAI,
    "resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {",
    "resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (empty(name)) {",
  ],
  ['which workload and environment', WAF, 'tags: tags', 'tags: { workload: string(length(tags)) }'],
  [
    'the parameters are those of docs/DESIGN.md',
    MAIN,
    'param cpuUtilization int = 70',
    'param cpuUtilization int = 80',
  ],
  ['the outputs are names and addresses', MAIN, 'output APP_FQDN string', 'output APP_HOST string'],
  [
    'no key of a resource is read',
    LOGS,
    'output name string',
    '#disable-next-line outputs-should-not-contain-secrets\noutput sharedKey string = workspace.listKeys().primarySharedKey\noutput name string',
  ],
];

export const DEFECTS: readonly Defect[] = [
  ...IN_APP,
  ...IN_ATTACK,
  ...IN_CONFIGURATION,
  ...IN_DATA,
  ...IN_EDGE,
  ...IN_WATCH,
];

/** Others that break a rule of the same kind; in a copy of their own, where the first ones are not. */
export const OTHER_DEFECTS: readonly Defect[] = [
  [
    'stops floods',
    WAF,
    'customRules: {\n      rules: [',
    "customRules: {\n      rules: [\n        {\n          name: 'LetIn'\n          priority: 1\n          enabledState: 'Enabled'\n          ruleType: 'MatchRule'\n          action: 'Allow'\n          matchConditions: [{ matchVariable: 'RequestUri', operator: 'Contains', matchValue: ['/'] }]\n        }",
  ],
  [
    'what nobody may do is refused',
    'infra/modules/network-security-group.bicep',
    "sourceAddressPrefix: 'VirtualNetwork'",
    "sourceAddressPrefix: '*'",
  ],
  ['each on one resource', VAULT, '  scope: vault\n  name: guid(', '  name: guid('],
  ['secrets are read from the vault', REDIS, "'rediss://${", "'rediss://default:planted@${"],
  ['one breaker rule', APIM, 'validateCertificateName: true', 'validateCertificateName: false'],
  ['gateways by private link', ORIGINS, 'enforceCertificateNameCheck: true', 'enforceCertificateNameCheck: false'],
  ['the budget is what is asked for', 'infra/modules/budget.bicep', 'amount: amount', 'amount: amount * 100'],
  [
    'tells the workspace what happens',
    VAULT,
    "logs: [{ categoryGroup: 'audit', enabled: true }]",
    "logs: [{ categoryGroup: 'audit', enabled: false }]",
  ],
  [
    'the firewall stands in front of everything',
    DOOR,
    "resource security '",
    "resource second 'Microsoft.Cdn/profiles/afdEndpoints@2025-04-15' = {\n  parent: profile\n  name: '${name}-2'\n  location: 'global'\n  tags: tags\n  properties: { enabledState: 'Enabled' }\n}\n\nresource security '",
  ],
  [
    'every operation with its policy',
    APIM,
    "'chat.xml': loadTextContent('../apim/chat.xml')",
    "'chat.xml': loadTextContent('../apim/open.xml')",
  ],
];

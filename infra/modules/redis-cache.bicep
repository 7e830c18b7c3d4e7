// Azure Managed Redis: hot sessions, the outbox, limits, kept answers. Entra only; there are no access keys.
// Azure Cache for Redis (Microsoft.Cache/redis) can no longer be created.

@maxLength(60)
param name string
param location string
param tags object
@description('Balanced_B0 has 0.5 GB, each step about doubles it.')
param skuName string
@description('Two nodes in two zones, and a file that is written every second: while Cosmos DB is away the outbox is the only place that has new turns (docs/adr/0006).')
param durable bool
param publicAccess bool
@description('Principal id of the identity that may use it.')
param principalId string
param workspaceId string

resource cluster 'Microsoft.Cache/redisEnterprise@2025-07-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: skuName }
  properties: {
    highAvailability: durable ? 'Enabled' : 'Disabled'
    minimumTlsVersion: '1.2'
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
  }
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' = {
  parent: cluster
  name: 'default'
  properties: {
    port: 10000
    clientProtocol: 'Encrypted'
    accessKeysAuthentication: 'Disabled'
    // One endpoint for plain clients; OSSCluster would need `redis.cluster: true` and hash slots that fit.
    clusteringPolicy: 'EnterpriseCluster'
    // Only what has a time to live may be evicted: never the outbox.
    evictionPolicy: 'VolatileLRU'
    persistence: durable
      ? { aofEnabled: true, aofFrequency: '1s', rdbEnabled: false }
      : { aofEnabled: false, rdbEnabled: false }
  }
}

resource access 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01' = {
  parent: database
  name: 'router'
  properties: {
    accessPolicyName: 'default'
    user: { objectId: principalId }
  }
}

resource connections 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: database
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource metrics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cluster
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = cluster.id
output name string = cluster.name
@description('What the service connects to; there is no password in it.')
output url string = 'rediss://${cluster.properties.hostName}:${database.properties.port}'

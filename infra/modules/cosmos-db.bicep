// Cosmos DB (NoSQL): every turn of every conversation, one document each.

@maxLength(44)
param name string
param tags object
@description('The first one takes writes; the others follow it, and take over when it is away.')
@minLength(1)
param locations string[]
@description('By the request, for dev: nothing is paid while nobody asks (there is no auto-pause). One region only.')
param serverless bool
@description('Most request units a second; a tenth of it is the least, and what is always paid.')
@minValue(1000)
param autoscaleMaxThroughput int
@description('Writes in every region. Off unless asked for: it breaks optimistic concurrency (ETag) between regions.')
param multipleWriteLocations bool
param zoneRedundant bool
param publicAccess bool
@description('Principal id of the identity that may read and write data.')
param principalId string
param workspaceId string

var databaseName = 'router'
var dataContributor = '00000000-0000-0000-0000-000000000002'

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' = {
  name: name
  location: locations[0]
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    consistencyPolicy: { defaultConsistencyLevel: 'Session' }
    enableAutomaticFailover: true
    enableMultipleWriteLocations: multipleWriteLocations
    locations: [
      for (location, priority) in locations: {
        locationName: location
        failoverPriority: priority
        isZoneRedundant: zoneRedundant
      }
    ]
    capabilities: serverless ? [{ name: 'EnableServerless' }] : []
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: { tier: 'Continuous7Days' }
    }
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-10-15' = {
  parent: account
  name: databaseName
  properties: { resource: { id: databaseName } }
}

// The role for data cannot create containers: the template must.
resource turns 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-10-15' = {
  parent: database
  name: 'turns'
  properties: {
    resource: {
      id: 'turns'
      partitionKey: { paths: ['/pk'], kind: 'Hash', version: 2 }
      // Each document says how long it lives (sessions.retentionDays).
      defaultTtl: -1
      // What queries ask for, and nothing else: an index over the messages would cost most of each write.
      indexingPolicy: {
        indexingMode: 'consistent'
        automatic: true
        includedPaths: [
          { path: '/pk/?' }
          { path: '/id/?' }
          { path: '/tenant/?' }
          { path: '/session/?' }
          { path: '/expiresAt/?' }
        ]
        excludedPaths: [{ path: '/*' }, { path: '/messages/*' }]
      }
    }
    options: serverless ? {} : { autoscaleSettings: { maxThroughput: autoscaleMaxThroughput } }
  }
}

resource data 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = {
  parent: account
  name: guid(account.id, principalId, dataContributor)
  properties: {
    principalId: principalId
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${dataContributor}'
    scope: '${account.id}/dbs/${database.name}'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ categoryGroup: 'audit', enabled: true }]
    metrics: [{ category: 'Requests', enabled: true }]
  }
}

output id string = account.id
output name string = account.name
output endpoint string = account.properties.documentEndpoint

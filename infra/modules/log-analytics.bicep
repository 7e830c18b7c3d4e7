// Log Analytics: where logs, traces, metrics of the service and the diagnostics of every other resource end up.

param name string
param location string
param tags object
@description('Days that logs are kept; 30 are in the price of ingestion.')
@minValue(30)
@maxValue(730)
param retentionInDays int
@description('Gigabytes a day after which nothing more is taken in until midnight UTC; -1 = no cap.')
param dailyQuotaGb int
@description('Whether logs are taken in from outside of the virtual network. Queries are open to whoever signs in with a role: operators and the release ask from outside.')
param publicAccess bool

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionInDays
    workspaceCapping: { dailyQuotaGb: dailyQuotaGb }
    publicNetworkAccessForIngestion: publicAccess ? 'Enabled' : 'Disabled'
    publicNetworkAccessForQuery: 'Enabled'
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: workspace
  name: 'to-itself'
  properties: {
    workspaceId: workspace.id
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

output id string = workspace.id
output customerId string = workspace.properties.customerId
output name string = workspace.name

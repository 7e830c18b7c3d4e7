// Container Registry: the images of the service. No admin user, no anonymous pull; the service pulls with its identity.

@minLength(5)
@maxLength(50)
param name string
param location string
param tags object
@description('Premium is what private endpoints, replicas in other regions and zones need.')
@allowed(['Basic', 'Standard', 'Premium'])
param sku string
@description('Other regions that keep a copy; needs Premium.')
param replicaLocations string[]
param zoneRedundant bool
param publicAccess bool
@description('Principal id of the identity that pulls.')
param principalId string
param workspaceId string

var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
var premium = sku == 'Premium'

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    dataEndpointEnabled: false
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    // An import (az acr import) is an operation of Azure itself, and stays possible where the registry is closed.
    networkRuleBypassOptions: 'AzureServices'
    zoneRedundancy: premium && zoneRedundant ? 'Enabled' : 'Disabled'
    policies: {
      azureADAuthenticationAsArmPolicy: { status: 'enabled' }
      ...(premium ? { retentionPolicy: { days: 30, status: 'enabled' } } : {})
    }
  }
}

resource replicas 'Microsoft.ContainerRegistry/registries/replications@2025-11-01' = [
  for replicaLocation in replicaLocations: if (premium) {
    parent: registry
    name: replace(toLower(replicaLocation), ' ', '')
    location: replicaLocation
    tags: tags
    properties: { regionEndpointEnabled: true, zoneRedundancy: zoneRedundant ? 'Enabled' : 'Disabled' }
  }
]

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, principalId, acrPull)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: registry
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = registry.id
output name string = registry.name
output loginServer string = registry.properties.loginServer

// Everything of one region: network, private endpoints, Container Apps, Redis, Azure OpenAI, the gateway. What all regions
// share (identity, Cosmos DB, Storage, registry, vault, monitoring, Front Door) is made by main.bicep and handed in.

@description('<workload>-<environment>, with -2 for the second region.')
param prefix string
@description('Makes names unique in the world.')
param token string
param location string
@description('The first of the regions.')
param isPrimary bool
param tags object
param environmentName string
param publicAccess bool
@description('The gateway has a door to the internet.')
param gatewayPublicAccess bool
param addressPrefix string

// What has no description here is what main.bicep says of the parameter of the same name.
@description('Empty = no app yet: everything else is made, the registry among it, so that an image can be brought there.')
param image string
param minReplicas int
param maxReplicas int
param concurrentRequestsPerReplica int
param cpuUtilization int
param cpu string
param memory string
param productionLabel string
param canaryPercent int
param blueRevision string
param greenRevision string
param revisionSuffix string

param identity { id: string, clientId: string, principalId: string }
param registryId string
param registryLoginServer string
param cosmos { id: string, endpoint: string }
param storage { id: string, tableEndpoint: string }
param keyVault { id: string, uri: string }
param monitor {
  workspaceId: string
  applicationInsightsName: string
  connectionString: string
  privateLinkScopeId: string
}
@description('The resource group of what is shared.')
param sharedResourceGroup string
@description('Names of secrets in the vault, which are names of variables with - for _.')
param keyVaultSecrets string[]

param openAiDeployments { name: string, model: string, version: string, sku: string, capacity: int }[]
param redisSku string
param apimSku string
param apimCapacity int
param apimPublisherEmail string
param frontDoorId string
param entraTenantId string
param apiAudience string
param userRequestsPerMinute int

var isProd = environmentName == 'prod'
var appName = prefix
var workspaceId = monitor.workspaceId
var privateLinkScopeId = monitor.privateLinkScopeId

module networkSecurityGroup 'modules/network-security-group.bicep' = {
  name: '${prefix}-nsg'
  params: { name: '${prefix}-nsg', location: location, tags: tags, publicAccess: publicAccess }
}

module network 'modules/virtual-network.bicep' = {
  name: '${prefix}-vnet'
  params: {
    name: '${prefix}-vnet'
    location: location
    tags: tags
    addressPrefix: addressPrefix
    networkSecurityGroupId: networkSecurityGroup.outputs.id
  }
}

module redisCache 'modules/redis-cache.bicep' = {
  name: '${prefix}-redis'
  params: {
    name: '${prefix}-redis-${token}'
    location: location
    tags: tags
    skuName: redisSku
    durable: environmentName != 'dev'
    publicAccess: publicAccess
    principalId: identity.principalId
    workspaceId: workspaceId
  }
}

module openAi 'modules/azure-openai.bicep' = {
  name: '${prefix}-openai'
  params: {
    name: '${prefix}-openai-${token}'
    location: location
    tags: tags
    deployments: openAiDeployments
    publicAccess: publicAccess
    principalId: identity.principalId
    workspaceId: workspaceId
  }
}

module environment 'modules/container-apps-environment.bicep' = {
  name: '${prefix}-environment'
  params: {
    name: '${prefix}-environment'
    location: location
    tags: tags
    subnetId: network.outputs.containerAppsSubnetId
    internal: !publicAccess
    zoneRedundant: isProd
    workspaceId: workspaceId
  }
}

// Without a name given, one that follows from what the revision is made of: the same deployment again makes no other. Of
// what Azure must be asked for nothing is in it, so that a preview can tell the name.
var suffix = empty(revisionSuffix)
  ? 'r${uniqueString(image, cpu, memory, string(minReplicas), string(maxReplicas), string(concurrentRequestsPerReplica), string(cpuUtilization), string(openAiDeployments), string(keyVaultSecrets), apiAudience, entraTenantId)}'
  : revisionSuffix

module app 'modules/container-app.bicep' = if (!empty(image)) {
  name: '${prefix}-app'
  // The service starts without its stores; a first request that finds them is better.
  dependsOn: [privateEndpoints]
  params: {
    name: appName
    location: location
    // azd finds the app of a service by this tag, and there may be one of it.
    tags: isPrimary ? union(tags, { 'azd-service-name': 'router' }) : tags
    environmentId: environment.outputs.id
    image: image
    registryServer: startsWith(image, registryLoginServer) ? registryLoginServer : ''
    identityId: identity.id
    minReplicas: minReplicas
    maxReplicas: maxReplicas
    concurrentRequestsPerReplica: concurrentRequestsPerReplica
    cpuUtilization: cpuUtilization
    cpu: cpu
    memory: memory
    productionLabel: productionLabel
    canaryPercent: canaryPercent
    blueRevision: blueRevision
    greenRevision: greenRevision
    revisionSuffix: suffix
    keyVaultSecrets: map(keyVaultSecrets, secretName => {
      name: toUpper(replace(secretName, '-', '_'))
      secretUri: '${keyVault.uri}secrets/${secretName}'
    })
    environmentVariables: [
      { name: 'ROUTER_CONFIG', value: '/app/router.config.azure.yaml' }
      // Which identity @azure/identity asks for: an app may have several.
      { name: 'AZURE_CLIENT_ID', value: identity.clientId }
      { name: 'REDIS_URL', value: redisCache.outputs.url }
      { name: 'COSMOS_ENDPOINT', value: cosmos.endpoint }
      { name: 'TABLES_ENDPOINT', value: storage.tableEndpoint }
      { name: 'AZURE_OPENAI_ENDPOINT', value: openAi.outputs.endpoint }
      { name: 'SMALL_DEPLOYMENT', value: openAiDeployments[0].name }
      { name: 'SMALL_MODEL', value: openAiDeployments[0].model }
      { name: 'LARGE_DEPLOYMENT', value: openAiDeployments[1].name }
      { name: 'LARGE_MODEL', value: openAiDeployments[1].model }
      { name: 'ENTRA_TENANT_ID', value: entraTenantId }
      { name: 'API_AUDIENCE', value: apiAudience }
      { name: 'EXPECTED_REPLICAS', value: string(minReplicas) }
      {
        name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
        value: '${monitor.connectionString};Authorization=AAD;ClientId=${identity.clientId}'
      }
    ]
  }
}

module apiManagement 'modules/api-management.bicep' = {
  name: '${prefix}-apim'
  params: {
    name: '${prefix}-apim-${token}'
    location: location
    tags: tags
    skuName: apimSku
    capacity: apimCapacity
    publisherEmail: apimPublisherEmail
    publicNetworkAccess: gatewayPublicAccess
    subnetId: publicAccess ? '' : network.outputs.apiManagementSubnetId
    appName: appName
    appDomain: environment.outputs.defaultDomain
    frontDoorId: frontDoorId
    entraTenantId: entraTenantId
    apiAudience: apiAudience
    userRequestsPerMinute: userRequestsPerMinute
    applicationInsightsName: monitor.applicationInsightsName
    applicationInsightsResourceGroup: sharedResourceGroup
    applicationInsightsConnectionString: monitor.connectionString
    workspaceId: workspaceId
  }
}

// What is reached through the network where there is no public door, and the names it has there.
// https://learn.microsoft.com/azure/private-link/private-endpoint-dns
var cosmosZone = 'privatelink.documents.azure.com'
var tablesZone = 'privatelink.table.${az.environment().suffixes.storage}'
var vaultZone = 'privatelink${replace(az.environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
var registryZone = 'privatelink${az.environment().suffixes.acrLoginServer}'
var redisZone = 'privatelink.redis.azure.net'
var openAiZone = 'privatelink.openai.azure.com'
var gatewayZone = 'privatelink.azure-api.net'
var monitorZones = [
  'privatelink.monitor.azure.com'
  'privatelink.oms.opinsights.azure.com'
  'privatelink.ods.opinsights.azure.com'
  'privatelink.agentsvc.azure-automation.net'
  'privatelink.blob.${az.environment().suffixes.storage}'
]
var zones = publicAccess
  ? []
  : concat([cosmosZone, tablesZone, vaultZone, registryZone, redisZone, openAiZone, gatewayZone], monitorZones)

module privateDnsZones 'modules/private-dns-zone.bicep' = [
  for zone in zones: {
    name: '${prefix}-${uniqueString(zone)}'
    params: { name: zone, tags: tags, virtualNetworkId: network.outputs.id }
  }
]

// The names of the app in an internal environment lead to its own load balancer.
module appDnsZone 'modules/private-dns-zone.bicep' = if (!publicAccess) {
  name: '${prefix}-app-names'
  params: {
    name: environment.outputs.defaultDomain
    tags: tags
    virtualNetworkId: network.outputs.id
    records: [{ name: '*', address: environment.outputs.staticIp }]
  }
}

var endpoints = publicAccess
  ? []
  : [
      { name: 'cosmos', groupId: 'Sql', zones: [cosmosZone] }
      { name: 'tables', groupId: 'table', zones: [tablesZone] }
      { name: 'key-vault', groupId: 'vault', zones: [vaultZone] }
      { name: 'registry', groupId: 'registry', zones: [registryZone] }
      { name: 'redis', groupId: 'redisEnterprise', zones: [redisZone] }
      { name: 'openai', groupId: 'account', zones: [openAiZone] }
      { name: 'apim', groupId: 'Gateway', zones: [gatewayZone] }
      { name: 'monitor', groupId: 'azuremonitor', zones: monitorZones }
    ]
// By the name above: how many endpoints there are must be known before the resources are.
var endpointResources = {
  cosmos: cosmos.id
  tables: storage.id
  'key-vault': keyVault.id
  registry: registryId
  redis: redisCache.outputs.id
  openai: openAi.outputs.id
  apim: apiManagement.outputs.id
  monitor: privateLinkScopeId
}

module privateEndpoints 'modules/private-endpoint.bicep' = [
  for item in endpoints: {
    name: '${prefix}-${item.name}-endpoint'
    dependsOn: [privateDnsZones]
    params: {
      name: '${prefix}-${item.name}-endpoint'
      location: location
      tags: tags
      subnetId: network.outputs.privateEndpointsSubnetId
      resourceId: endpointResources[item.name]
      groupId: item.groupId
      privateDnsZoneIds: map(item.zones, zone => resourceId('Microsoft.Network/privateDnsZones', zone))
    }
  }
]

output resourceGroupName string = resourceGroup().name
output appName string = appName
output appId string = empty(image) ? '' : app!.outputs.id
output appFqdn string = '${appName}.${environment.outputs.defaultDomain}'
output environmentName string = environment.outputs.name
output redisId string = redisCache.outputs.id
output openAiId string = openAi.outputs.id
output openAiName string = openAi.outputs.name
output gateway { id: string, name: string, hostName: string, principalId: string } = {
  id: apiManagement.outputs.id
  name: apiManagement.outputs.name
  hostName: apiManagement.outputs.hostName
  principalId: apiManagement.outputs.principalId
}

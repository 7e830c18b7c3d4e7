// The hybrid LLM router on Azure, from an empty subscription: resource groups and everything in them.
//
//   Front Door (WAF) -> API Management -> Container Apps -> Redis, Cosmos DB, Tables, Azure OpenAI
//
// Two passes: with `image` empty everything but the app is made (the registry has to exist before an image can be in it); with
// `image` set the app too, and the gateway closes its door to the internet (Azure allows that once it has a private
// endpoint). `azd up` does both. No resource has a key that anybody uses: one identity, with the roles it needs.
// docs/AZURE.md is the way through it.
targetScope = 'subscription'

@description('First part of every name.')
@minLength(2)
@maxLength(12)
param workloadName string = 'router'

@description('dev: small, open to the internet, no second of anything. staging: as prod, smaller. prod: over zones, closed.')
@allowed(['dev', 'staging', 'prod'])
param environmentName string

@description('Region of everything that has one.')
@minLength(1)
param location string

@description('A second region with an app, a gateway, a Redis and models of its own; empty = one region.')
param secondaryLocation string = ''

@description('Image of the service, by digest or tag; empty = no app yet.')
param image string = ''

@description('Replicas of each revision and region that always run.')
@minValue(0)
@maxValue(300)
param minReplicas int = 2

@description('Most replicas of each revision and region.')
@minValue(1)
@maxValue(300)
param maxReplicas int = 20

@description('Requests in flight for each replica before another one is started.')
@minValue(1)
param concurrentRequestsPerReplica int = 50

@description('Percent of its CPU that a replica uses before another one is started.')
@minValue(1)
@maxValue(100)
param cpuUtilization int = 70

@description('CPU cores of a replica; how many: docs/COST.md, "Replicas, and how large one is".')
@allowed(['0.5', '0.75', '1.0', '1.25', '1.5', '1.75', '2.0', '4.0'])
param cpu string = '1.0'

@description('Memory of a replica: twice the cores, in GiB.')
@allowed(['1Gi', '1.5Gi', '2Gi', '2.5Gi', '3Gi', '3.5Gi', '4Gi', '8Gi'])
param memory string = '2Gi'

@description('Of all regions together, in the currency of the invoice. Notices at 80 % and 90 % spent, and when the forecast says 100 %.')
@minValue(1)
param monthlyBudgetUsd int

@description('Mail addresses that are told of budgets and alerts.')
@minLength(1)
param budgetContacts string[]

@description('First day of the first month of the budget, as yyyy-MM-01; empty = of this month. It cannot be changed afterwards: the hook of azd hands the one of the live budget in.')
param budgetStartDate string = ''

@description('Left alone: what is this month when nothing is said.')
param thisMonth string = utcNow('yyyy-MM-01')

@description('Resources can be reached from the internet (each asks for a sign-in all the same); false = private endpoints only.')
param publicAccess bool = false

@description('The gateways keep their door to the internet, though publicAccess is false: Azure makes none without, and lets it be closed once there is a private endpoint. For the deployment that adds a region; without an image it is so anyway.')
param gatewayPublicAccess bool = false

@description('Every region takes writes of conversations. Off unless asked for: it breaks optimistic concurrency between regions.')
param cosmosMultipleWriteLocations bool = false

@description('Most request units a second of the conversations; a tenth of it is always paid. Not in dev, which pays by the request.')
@minValue(1000)
param cosmosMaxThroughput int = 4000

@description('The label whose revision callers get.')
@allowed(['blue', 'green'])
param productionLabel string = 'blue'

@description('Percent of the traffic for the revision with the other label.')
@minValue(0)
@maxValue(100)
param canaryPercent int = 0

@description('Suffix of the revision that has the label blue; empty = none yet. Read from the live app before a deployment, so that none moves traffic by accident.')
param blueRevision string = ''

@description('Suffix of the revision that has the label green; empty = none yet.')
param greenRevision string = ''

@description('Suffix of the revision that this deployment makes; empty = follows from what is in it.')
param revisionSuffix string = ''

@description('Audience of the tokens that callers bring: the application (client) id of the app registration of this service (docs/ENTRA.md), which tokens of version 2 carry.')
param apiAudience string

@description('Tenant whose tokens are taken; left out, the subscription\'s.')
param entraTenantId string = tenant().tenantId

@description('Deployments in Azure OpenAI; the first is the cheap side, the second the strong one. capacity: thousand tokens a minute.')
@minLength(2)
param openAiDeployments { name: string, model: string, version: string, sku: string, capacity: int }[] = [
  { name: 'small', model: 'gpt-5-mini', version: '2025-08-07', sku: 'GlobalStandard', capacity: 100 }
  { name: 'large', model: 'gpt-5.1', version: '2025-11-13', sku: 'GlobalStandard', capacity: 50 }
]

@description('Names of secrets in the vault that the service gets as variables: openai-api-key becomes OPENAI_API_KEY. For providers beside Azure.')
param keyVaultSecrets string[] = []

@description('Size of Azure Managed Redis; left out, Balanced_B3 in prod, B1 in staging, B0 in dev.')
param redisSku string = environmentName == 'prod'
  ? 'Balanced_B3'
  : environmentName == 'staging' ? 'Balanced_B1' : 'Balanced_B0'

@description('Tier of API Management; BasicV2 only where resources are reached from the internet.')
@allowed(['BasicV2', 'StandardV2', 'PremiumV2'])
param apimSku string = publicAccess ? 'BasicV2' : 'StandardV2'

@description('Units of API Management in each region.')
@minValue(1)
param apimCapacity int = 1

@description('Address that API Management writes to about itself; empty = the first of budgetContacts.')
param apimPublisherEmail string = ''

@description('Requests a minute and user that the gateway lets through, before the router\'s own limits.')
@minValue(1)
param userRequestsPerMinute int = 600

@description('Requests a minute from one address before the firewall refuses it for a while.')
@minValue(10)
param requestsPerMinuteAndAddress int = 3000

@description('Alerts wake somebody.')
param alertsEnabled bool = environmentName == 'prod'

@description('On every resource, beside workload and environment.')
param extraTags object = {}

var isProd = environmentName == 'prod'
var isDev = environmentName == 'dev'
var prefix = '${workloadName}-${environmentName}'
var token = take(uniqueString(subscription().id, prefix), 6)
var secondaryToken = take(uniqueString(subscription().id, prefix, secondaryLocation), 6)
var hasSecondary = !empty(secondaryLocation)
var locations = hasSecondary ? [location, secondaryLocation] : [location]
var resourceGroupNames = hasSecondary ? ['rg-${prefix}', 'rg-${prefix}-2'] : ['rg-${prefix}']
var registryName = '${replace(prefix, '-', '')}acr${token}'
// Closed registries are Premium, and so are those with copies in other regions.
var registrySku = publicAccess && !hasSecondary ? 'Standard' : 'Premium'
var storageSku = isDev ? 'Standard_LRS' : hasSecondary ? 'Standard_RAGZRS' : 'Standard_ZRS'
var tags = union(extraTags, { workload: workloadName, environment: environmentName, 'azd-env-name': environmentName })

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${prefix}'
  location: location
  tags: tags
}

resource secondaryGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = if (hasSecondary) {
  name: 'rg-${prefix}-2'
  location: empty(secondaryLocation) ? location : secondaryLocation
  tags: tags
}

module identity 'modules/user-assigned-identity.bicep' = {
  scope: group
  params: { name: '${prefix}-identity', location: location, tags: tags }
}

module logAnalytics 'modules/log-analytics.bicep' = {
  scope: group
  params: {
    name: '${prefix}-logs'
    location: location
    tags: tags
    retentionInDays: isProd ? 90 : 30
    dailyQuotaGb: isDev ? 1 : -1
    publicAccess: publicAccess
  }
}

module applicationInsights 'modules/application-insights.bicep' = {
  scope: group
  params: {
    name: '${prefix}-insights'
    location: location
    tags: tags
    workspaceId: logAnalytics.outputs.id
    publicAccess: publicAccess
  }
}

module privateLinkScope 'modules/monitor-private-link-scope.bicep' = if (!publicAccess) {
  scope: group
  params: {
    name: '${prefix}-monitor'
    tags: tags
    applicationInsightsId: applicationInsights.outputs.id
    workspaceId: logAnalytics.outputs.id
  }
}

module containerRegistry 'modules/container-registry.bicep' = {
  scope: group
  params: {
    name: registryName
    location: location
    tags: tags
    sku: registrySku
    replicaLocations: hasSecondary ? [secondaryLocation] : []
    zoneRedundant: isProd
    publicAccess: publicAccess
    principalId: identity.outputs.principalId
    workspaceId: logAnalytics.outputs.id
  }
}

module cosmosDb 'modules/cosmos-db.bicep' = {
  scope: group
  params: {
    name: '${prefix}-cosmos-${token}'
    tags: tags
    locations: locations
    serverless: isDev && !hasSecondary
    autoscaleMaxThroughput: cosmosMaxThroughput
    multipleWriteLocations: cosmosMultipleWriteLocations
    zoneRedundant: isProd
    publicAccess: publicAccess
    principalId: identity.outputs.principalId
    workspaceId: logAnalytics.outputs.id
  }
}

module storage 'modules/storage-account.bicep' = {
  scope: group
  params: {
    name: take('${replace(prefix, '-', '')}${token}', 24)
    location: location
    tags: tags
    skuName: storageSku
    publicAccess: publicAccess
    principalId: identity.outputs.principalId
    workspaceId: logAnalytics.outputs.id
  }
}

module keyVault 'modules/key-vault.bicep' = {
  scope: group
  params: {
    name: take('${workloadName}${take(environmentName, 4)}-${token}', 24)
    location: location
    tags: tags
    publicAccess: publicAccess
    purgeProtection: isProd
    principalId: identity.outputs.principalId
    workspaceId: logAnalytics.outputs.id
  }
}

module wafPolicy 'modules/waf-policy.bicep' = {
  scope: group
  params: {
    name: '${replace(prefix, '-', '')}waf'
    tags: tags
    requestsPerMinuteAndAddress: requestsPerMinuteAndAddress
  }
}

module frontDoor 'modules/front-door.bicep' = {
  scope: group
  params: {
    name: '${prefix}-fd'
    tags: tags
    wafPolicyId: wafPolicy.outputs.id
    workspaceId: logAnalytics.outputs.id
  }
}

// Regions do not overlap in addresses, so that their networks can be peered.
var regions = concat(
  [
    {
      name: 'primary'
      group: 'rg-${prefix}'
      prefix: prefix
      token: token
      location: location
      addresses: '10.10.0.0/16'
    }
  ],
  hasSecondary
    ? [
        {
          name: 'secondary'
          group: 'rg-${prefix}-2'
          prefix: '${prefix}-2'
          token: secondaryToken
          location: secondaryLocation
          addresses: '10.20.0.0/16'
        }
      ]
    : []
)

module region 'region.bicep' = [
  for item in regions: {
    scope: resourceGroup(item.group)
    dependsOn: [secondaryGroup]
    params: {
      prefix: item.prefix
      token: item.token
      location: item.location
      isPrimary: item.name == 'primary'
      tags: tags
      environmentName: environmentName
      publicAccess: publicAccess
      gatewayPublicAccess: publicAccess || gatewayPublicAccess || empty(image)
      addressPrefix: item.addresses
      image: image
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
      revisionSuffix: revisionSuffix
      identity: {
        id: identity.outputs.id
        clientId: identity.outputs.clientId
        principalId: identity.outputs.principalId
      }
      registryId: containerRegistry.outputs.id
      registryLoginServer: '${registryName}${environment().suffixes.acrLoginServer}'
      cosmos: { id: cosmosDb.outputs.id, endpoint: cosmosDb.outputs.endpoint }
      storage: { id: storage.outputs.id, tableEndpoint: storage.outputs.tableEndpoint }
      keyVault: { id: keyVault.outputs.id, uri: keyVault.outputs.uri }
      monitor: {
        workspaceId: logAnalytics.outputs.id
        applicationInsightsName: applicationInsights.outputs.name
        connectionString: applicationInsights.outputs.connectionString
        privateLinkScopeId: publicAccess ? '' : privateLinkScope!.outputs.id
      }
      sharedResourceGroup: group.name
      keyVaultSecrets: keyVaultSecrets
      openAiDeployments: openAiDeployments
      redisSku: redisSku
      apimSku: apimSku
      apimCapacity: apimCapacity
      apimPublisherEmail: empty(apimPublisherEmail) ? budgetContacts[0] : apimPublisherEmail
      frontDoorId: frontDoor.outputs.frontDoorId
      entraTenantId: entraTenantId
      apiAudience: empty(apiAudience)
        ? fail('apiAudience is empty: give the application (client) id of the service (docs/ENTRA.md).')
        : apiAudience
      userRequestsPerMinute: userRequestsPerMinute
    }
  }
]

module telemetryPublishers 'modules/telemetry-publishers.bicep' = {
  scope: group
  params: {
    applicationInsightsName: applicationInsights.outputs.name
    publishers: [
      for i in range(0, length(regions) + 1): i == 0
        ? identity.outputs.principalId
        : region[max(i - 1, 0)].outputs.gateway.principalId
    ]
  }
}

module frontDoorOrigins 'modules/front-door-origins.bicep' = {
  scope: group
  params: {
    frontDoorName: frontDoor.outputs.name
    endpointName: frontDoor.outputs.endpointName
    publicAccess: publicAccess
    requestMessage: 'router-${environmentName}'
    origins: [
      for (item, i) in regions: {
        name: item.name
        hostName: region[i].outputs.gateway.hostName
        gatewayId: region[i].outputs.gateway.id
        location: item.location
      }
    ]
  }
}

module actionGroup 'modules/action-group.bicep' = {
  scope: group
  params: { name: '${prefix}-operators', tags: tags, emails: budgetContacts }
}

module budget 'modules/budget.bicep' = {
  params: {
    name: '${prefix}-monthly'
    amount: monthlyBudgetUsd
    startDate: empty(budgetStartDate) ? thisMonth : budgetStartDate
    resourceGroupNames: resourceGroupNames
    contactEmails: budgetContacts
    actionGroupId: actionGroup.outputs.id
  }
}

module logAlerts 'modules/log-alerts.bicep' = {
  scope: group
  params: {
    namePrefix: prefix
    location: location
    tags: tags
    workspaceId: logAnalytics.outputs.id
    actionGroupId: actionGroup.outputs.id
    enabled: alertsEnabled
  }
}

module metricAlerts 'modules/metric-alerts.bicep' = {
  scope: group
  params: {
    namePrefix: prefix
    tags: tags
    actionGroupId: actionGroup.outputs.id
    enabled: alertsEnabled
    cosmosAccountId: cosmosDb.outputs.id
    frontDoorId: frontDoor.outputs.id
    maxReplicas: maxReplicas
    regions: [
      for (item, i) in regions: {
        name: item.name
        redisId: region[i].outputs.redisId
        gatewayId: region[i].outputs.gateway.id
        openAiId: region[i].outputs.openAiId
        appId: region[i].outputs.appId
      }
    ]
    withApps: !empty(image)
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: { name: prefix, location: location, tags: tags, workspaceId: logAnalytics.outputs.id }
}

// Names and addresses; azd keeps them as variables of the same name. Never a secret.
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = containerRegistry.outputs.loginServer
output AZURE_CONTAINER_REGISTRY_NAME string = containerRegistry.outputs.name
output AZURE_CONTAINER_APPS_ENVIRONMENT_NAME string = region[0].outputs.environmentName
output APP_NAME string = region[0].outputs.appName
output APP_FQDN string = region[0].outputs.appFqdn
output GATEWAY_URL string = 'https://${frontDoor.outputs.hostName}'
output APIM_NAME string = region[0].outputs.gateway.name
output FRONT_DOOR_NAME string = frontDoor.outputs.name
output COSMOS_NAME string = cosmosDb.outputs.name
output KEY_VAULT_NAME string = keyVault.outputs.name
output LOG_ANALYTICS_WORKSPACE_ID string = logAnalytics.outputs.customerId
output SECONDARY_RESOURCE_GROUP string = hasSecondary ? region[length(regions) - 1].outputs.resourceGroupName : ''
output SECONDARY_APP_NAME string = hasSecondary ? region[length(regions) - 1].outputs.appName : ''
output SECONDARY_APIM_NAME string = hasSecondary ? region[length(regions) - 1].outputs.gateway.name : ''

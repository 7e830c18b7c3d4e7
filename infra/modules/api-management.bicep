// API Management: the gateway of one region. Tokens, a coarse limit, the breaker in front of the app; policies are infra/apim/.

@maxLength(50)
param name string
param location string
param tags object
@description('BasicV2 has no way into a virtual network; StandardV2 and PremiumV2 do.')
@allowed(['BasicV2', 'StandardV2', 'PremiumV2'])
param skuName string
@minValue(1)
param capacity int
param publisherEmail string
@description('The door from the internet. Azure allows it to be closed only once there is a private endpoint.')
param publicNetworkAccess bool
@description('Subnet of the way out, delegated to Microsoft.Web/serverFarms; empty with BasicV2.')
param subnetId string
@description('Host of the app, and its two parts: <name>.<domain>. A label of it is <name>---<label>.<domain>.')
param appName string
param appDomain string
@description('Front Door\'s id: requests without it are refused.')
param frontDoorId string
param entraTenantId string
param apiAudience string
@description('Requests a minute and user that the gateway lets through; the router\'s own limits are exact.')
param userRequestsPerMinute int
param applicationInsightsName string
param applicationInsightsResourceGroup string
param applicationInsightsConnectionString string
param workspaceId string

var operations = loadJsonContent('../apim/operations.json')
var operationPolicies = {
  'admin.xml': loadTextContent('../apim/admin.xml')
  'chat.xml': loadTextContent('../apim/chat.xml')
  'messages.xml': loadTextContent('../apim/messages.xml')
  'models.xml': loadTextContent('../apim/models.xml')
  'open.xml': loadTextContent('../apim/open.xml')
  'pages.xml': loadTextContent('../apim/pages.xml')
}
var appHost = '${appName}.${appDomain}'
// What the policies read as {{name}}; none of it is a secret.
var values = {
  'entra-openid-config': '${environment().authentication.loginEndpoint}${entraTenantId}/v2.0/.well-known/openid-configuration'
  'entra-tenant-id': entraTenantId
  'api-audience': apiAudience
  'router-backend': 'router'
  'router-app-name': appName
  'router-app-domain': appDomain
  'front-door-id': frontDoorId
  'user-requests-per-minute': string(userRequestsPerMinute)
}

resource service 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: skuName, capacity: capacity }
  identity: { type: 'SystemAssigned' }
  properties: {
    publisherEmail: publisherEmail
    publisherName: 'Hybrid LLM Router'
    apiVersionConstraint: { minApiVersion: '2021-08-01' }
    publicNetworkAccess: publicNetworkAccess ? 'Enabled' : 'Disabled'
    virtualNetworkType: empty(subnetId) ? 'None' : 'External'
    virtualNetworkConfiguration: empty(subnetId) ? null : { subnetResourceId: subnetId }
  }
}

resource namedValues 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = [
  for item in items(values): {
    parent: service
    name: item.key
    properties: { displayName: item.key, value: item.value, secret: false }
  }
]

resource backend 'Microsoft.ApiManagement/service/backends@2024-05-01' = {
  parent: service
  name: 'router'
  properties: {
    protocol: 'http'
    url: 'https://${appHost}'
    tls: { validateCertificateChain: true, validateCertificateName: true }
    circuitBreaker: {
      // One rule is what a backend may have. The router answers 5xx for a model that fails, too, and one caller's failing model
      // must not close the door for all: it opens only when next to nothing gets through.
      rules: [
        {
          name: 'next-to-nothing-gets-through'
          failureCondition: {
            percentage: 90
            interval: 'PT10S'
            statusCodeRanges: [{ min: 500, max: 599 }]
          }
          tripDuration: 'PT10S'
          acceptRetryAfter: false
        }
      ]
    }
  }
}

resource logger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: service
  name: 'application-insights'
  properties: {
    loggerType: 'applicationInsights'
    resourceId: resourceId(applicationInsightsResourceGroup, 'Microsoft.Insights/components', applicationInsightsName)
    credentials: {
      connectionString: applicationInsightsConnectionString
      identityClientId: 'SystemAssigned'
    }
  }
}

resource policies 'Microsoft.ApiManagement/service/policies@2024-05-01' = {
  parent: service
  name: 'policy'
  properties: { format: 'xml', value: loadTextContent('../apim/global.xml') }
  dependsOn: [namedValues]
}

resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  parent: service
  name: 'router'
  properties: {
    displayName: 'Hybrid LLM Router'
    path: ''
    protocols: ['https']
    // Callers show a token of Entra, not a key of the gateway.
    subscriptionRequired: false
    serviceUrl: 'https://${appHost}'
    apiType: 'http'
  }

  resource policy 'policies' = {
    name: 'policy'
    properties: { format: 'xml', value: loadTextContent('../apim/api.xml') }
    dependsOn: [namedValues, backend]
  }

  resource diagnostic 'diagnostics' = {
    name: 'applicationinsights'
    properties: {
      loggerId: logger.id
      alwaysLog: 'allErrors'
      httpCorrelationProtocol: 'W3C'
      logClientIp: false
      // Custom metrics of llm-emit-token-metric.
      metrics: true
      sampling: { samplingType: 'fixed', percentage: 10 }
      verbosity: 'error'
      // No header and no byte of a body: they are private, and reading a body holds a stream back.
      frontend: { request: { headers: [], body: { bytes: 0 } }, response: { headers: [], body: { bytes: 0 } } }
      backend: { request: { headers: [], body: { bytes: 0 } }, response: { headers: [], body: { bytes: 0 } } }
    }
  }
}

resource operation 'Microsoft.ApiManagement/service/apis/operations@2024-05-01' = [
  for item in operations: {
    parent: api
    name: item.name
    properties: {
      displayName: take(item.displayName, 300)
      method: item.method
      urlTemplate: item.urlTemplate
      templateParameters: item.templateParameters
    }
  }
]

resource operationPolicy 'Microsoft.ApiManagement/service/apis/operations/policies@2024-05-01' = [
  for (item, i) in operations: if (!empty(item.policy)) {
    parent: operation[i]
    name: 'policy'
    properties: { format: 'xml', value: empty(item.policy) ? '' : operationPolicies[item.policy] }
    dependsOn: [logger, namedValues]
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: service
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ category: 'GatewayLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = service.id
output name string = service.name
output hostName string = replace(replace(service.properties.gatewayUrl, 'https://', ''), '/', '')
output principalId string = service.identity.principalId

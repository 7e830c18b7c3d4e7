// Who may send telemetry to Application Insights: the service and the gateways, each with its identity.

param applicationInsightsName string
@description('By a name that is unique among them.')
param publishers { name: string, principalId: string }[]

var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for publisher in publishers: {
    scope: component
    name: guid(component.id, publisher.name, monitoringMetricsPublisher)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
      principalId: publisher.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

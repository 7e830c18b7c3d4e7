// Who may send telemetry to Application Insights: the service and the gateways, each with its identity.

param applicationInsightsName string
@description('Principal ids. A gateway that is made anew has another one, and so gets a role of its own.')
param publishers string[]

var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for publisher in publishers: {
    scope: component
    name: guid(component.id, publisher, monitoringMetricsPublisher)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
      principalId: publisher
      principalType: 'ServicePrincipal'
    }
  }
]

// Azure Monitor private link scope: telemetry goes to Azure Monitor through the virtual network.
// Private links of Azure Monitor share their names with everybody's, so access from the network stays open for other
// people's resources ("Open") and is closed at our own resources instead (publicNetworkAccessForIngestion).
// https://learn.microsoft.com/azure/azure-monitor/logs/private-link-design

param name string
param tags object
param applicationInsightsId string
param workspaceId string

resource scope 'Microsoft.Insights/privateLinkScopes@2021-09-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    accessModeSettings: { ingestionAccessMode: 'Open', queryAccessMode: 'Open' }
  }
}

resource component 'Microsoft.Insights/privateLinkScopes/scopedResources@2021-09-01' = {
  parent: scope
  name: 'application-insights'
  properties: { linkedResourceId: applicationInsightsId }
}

resource workspace 'Microsoft.Insights/privateLinkScopes/scopedResources@2021-09-01' = {
  parent: scope
  name: 'log-analytics'
  // One after the other: two at once are refused with a conflict.
  dependsOn: [component]
  properties: { linkedResourceId: workspaceId }
}

output id string = scope.id

// Application Insights, based on the workspace: requests, traces and metrics of the service.

param name string
param location string
param tags object
param workspaceId string
@description('Whether telemetry is taken in from outside of the virtual network. Queries are open to whoever signs in with a role.')
param publicAccess bool

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspaceId
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
    publicNetworkAccessForIngestion: publicAccess ? 'Enabled' : 'Disabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

output id string = component.id
output name string = component.name
@description('Names the resource; nobody sends anything with it alone, as local authentication is off.')
output connectionString string = component.properties.ConnectionString

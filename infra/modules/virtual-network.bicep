// The virtual network of one region: Container Apps, API Management's way out, private endpoints.

param name string
param location string
param tags object
@description('Of the network, /16; regions must not overlap where they are ever to be peered.')
param addressPrefix string
param networkSecurityGroupId string

var subnets = {
  containerApps: 'container-apps'
  apiManagement: 'api-management'
  privateEndpoints: 'private-endpoints'
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: subnets.containerApps
        properties: {
          // 20 replicas and as many of the next revision; /23 leaves room for other apps.
          addressPrefix: cidrSubnet(addressPrefix, 23, 0)
          networkSecurityGroup: { id: networkSecurityGroupId }
          delegations: [{ name: 'container-apps', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: subnets.apiManagement
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 2)
          networkSecurityGroup: { id: networkSecurityGroupId }
          delegations: [{ name: 'api-management', properties: { serviceName: 'Microsoft.Web/serverFarms' } }]
        }
      }
      {
        name: subnets.privateEndpoints
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 3)
          networkSecurityGroup: { id: networkSecurityGroupId }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

output id string = network.id
output containerAppsSubnetId string = resourceId(
  'Microsoft.Network/virtualNetworks/subnets',
  network.name,
  subnets.containerApps
)
output apiManagementSubnetId string = resourceId(
  'Microsoft.Network/virtualNetworks/subnets',
  network.name,
  subnets.apiManagement
)
output privateEndpointsSubnetId string = resourceId(
  'Microsoft.Network/virtualNetworks/subnets',
  network.name,
  subnets.privateEndpoints
)

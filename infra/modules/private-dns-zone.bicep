// A private DNS zone that one virtual network sees. Each region has its own: two private endpoints of one resource, one in
// each region, would overwrite each other's address in a zone they share.

@description('Such as privatelink.documents.azure.com.')
param name string
param tags object
param virtualNetworkId string
@description('Addresses that are written by hand, by name; private endpoints write their own.')
param records { name: string, address: string }[] = []

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: name
  location: 'global'
  tags: tags
}

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: zone
  name: 'router'
  location: 'global'
  tags: tags
  properties: { registrationEnabled: false, virtualNetwork: { id: virtualNetworkId } }
}

resource address 'Microsoft.Network/privateDnsZones/A@2024-06-01' = [
  for record in records: {
    parent: zone
    name: record.name
    properties: { ttl: 300, aRecords: [{ ipv4Address: record.address }] }
  }
]

output id string = zone.id

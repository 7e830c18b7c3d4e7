// What may come into the subnets: HTTPS from where callers are, everything inside of the network, Azure's probes; nothing else.

param name string
param location string
param tags object
@description('Callers come from the internet (an external environment); else only from the network itself.')
param publicAccess bool

resource group 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    securityRules: concat(
      publicAccess
        ? [
            {
              name: 'allow-https-from-internet'
              properties: {
                priority: 100
                direction: 'Inbound'
                access: 'Allow'
                protocol: 'Tcp'
                sourceAddressPrefix: 'Internet'
                sourcePortRange: '*'
                destinationAddressPrefix: '*'
                // 31443 is where the edge proxy of a Container Apps environment listens.
                // https://learn.microsoft.com/azure/container-apps/firewall-integration
                destinationPortRanges: ['443', '31443']
              }
            }
          ]
        : [],
      [
        {
          name: 'allow-within-network'
          properties: {
            priority: 200
            direction: 'Inbound'
            access: 'Allow'
            protocol: '*'
            sourceAddressPrefix: 'VirtualNetwork'
            sourcePortRange: '*'
            destinationAddressPrefix: 'VirtualNetwork'
            destinationPortRange: '*'
          }
        }
        {
          name: 'allow-azure-probes'
          properties: {
            priority: 210
            direction: 'Inbound'
            access: 'Allow'
            protocol: '*'
            sourceAddressPrefix: 'AzureLoadBalancer'
            sourcePortRange: '*'
            destinationAddressPrefix: '*'
            destinationPortRange: '*'
          }
        }
        {
          name: 'deny-everything-else'
          properties: {
            priority: 4000
            direction: 'Inbound'
            access: 'Deny'
            protocol: '*'
            sourceAddressPrefix: '*'
            sourcePortRange: '*'
            destinationAddressPrefix: '*'
            destinationPortRange: '*'
          }
        }
      ]
    )
  }
}

output id string = group.id

// Where Front Door sends requests: the gateway of each region, the first as long as it is healthy.

param frontDoorName string
param endpointName string
@description('In order of preference.')
@minLength(1)
@maxLength(5)
param origins { name: string, hostName: string, gatewayId: string, location: string }[]
@description('Gateways are reached over the internet; else by private link, which the gateway has to approve once (the hook postprovision does).')
param publicAccess bool
@description('What the request for a private link says: the hook postprovision approves only its own.')
param requestMessage string

resource profile 'Microsoft.Cdn/profiles@2025-04-15' existing = {
  name: frontDoorName

  resource endpoint 'afdEndpoints' existing = { name: endpointName }
}

resource group 'Microsoft.Cdn/profiles/originGroups@2025-04-15' = {
  parent: profile
  name: 'gateways'
  properties: {
    sessionAffinityState: 'Disabled'
    // A gateway whose router cannot answer (503) is left out within a minute and a half.
    healthProbeSettings: {
      probePath: '/ready'
      probeRequestType: 'GET'
      probeProtocol: 'Https'
      probeIntervalInSeconds: 30
    }
    loadBalancingSettings: { sampleSize: 4, successfulSamplesRequired: 2, additionalLatencyInMilliseconds: 50 }
    trafficRestorationTimeToHealedOrNewEndpointsInMinutes: 5
  }
}

resource origin 'Microsoft.Cdn/profiles/originGroups/origins@2025-04-15' = [
  for (item, i) in origins: {
    parent: group
    name: item.name
    properties: {
      hostName: item.hostName
      originHostHeader: item.hostName
      httpsPort: 443
      priority: i + 1
      weight: 1000
      enabledState: 'Enabled'
      enforceCertificateNameCheck: true
      ...(publicAccess
        ? {}
        : {
            sharedPrivateLinkResource: {
              privateLink: { id: item.gatewayId }
              groupId: 'Gateway'
              privateLinkLocation: item.location
              requestMessage: requestMessage
            }
          })
    }
  }
]

resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2025-04-15' = {
  parent: profile::endpoint
  name: 'api'
  // A route without origins is refused.
  dependsOn: [origin]
  properties: {
    originGroup: { id: group.id }
    patternsToMatch: ['/*']
    supportedProtocols: ['Http', 'Https']
    httpsRedirect: 'Enabled'
    forwardingProtocol: 'HttpsOnly'
    linkToDefaultDomain: 'Enabled'
    enabledState: 'Enabled'
  }
}

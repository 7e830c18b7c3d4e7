// The service on Container Apps. Each deployment makes a revision with a name; traffic is given to names, never to
// "latest". Its configuration (infra/router.config.azure.yaml) is in the image, so that a revision is one thing and stays it:
// secrets of an app belong to all of its revisions at once (docs/adr/0031).

@minLength(2)
@maxLength(32)
param name string
param location string
param tags object
param environmentId string
param image string
@description('Of the registry that the image is pulled from with the identity; empty = a public one.')
param registryServer string
param identityId string
@description('Of each revision.')
param minReplicas int
@description('Of each revision.')
param maxReplicas int
@description('Requests in flight for each replica before another one is started.')
param concurrentRequestsPerReplica int
@description('Percent.')
param cpuUtilization int
@description('CPU cores of a replica, as text: Bicep has no fractions. Memory in GiB must be twice that.')
param cpu string
@description('Such as 2Gi.')
param memory string
@description('What the configuration reads from the environment.')
param environmentVariables { name: string, value: string }[]
@description('Variables whose values are in Key Vault.')
param keyVaultSecrets { name: string, secretUri: string }[]

@description('The label that callers get.')
@allowed(['blue', 'green'])
param productionLabel string
@description('Percent of the traffic for the other label.')
@minValue(0)
@maxValue(100)
param canaryPercent int
@description('Suffixes of the revisions that carry the labels today; both empty = there is no revision yet.')
param blueRevision string
param greenRevision string
@description('Suffix of the revision that this deployment makes.')
param revisionSuffix string

var idleLabel = productionLabel == 'blue' ? 'green' : 'blue'
var containers = [
  {
    name: 'router'
    image: image
    resources: { cpu: json(cpu), memory: memory }
    env: concat(
      environmentVariables,
      map(keyVaultSecrets, secret => { name: secret.name, secretRef: toLower(replace(secret.name, '_', '-')) })
    )
    probes: [
      {
        // Up within 2 s; a minute until it is given up.
        type: 'Startup'
        httpGet: { path: '/health', port: 8080 }
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 30
      }
      {
        // The event loop turns. Touches no store: a replica is never restarted because Redis is away.
        type: 'Liveness'
        httpGet: { path: '/health', port: 8080 }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      }
      {
        // 503 at once when it is told to end, so that no new request is sent there.
        type: 'Readiness'
        httpGet: { path: '/ready', port: 8080 }
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
        successThreshold: 1
      }
    ]
    // The root file system needs nothing written: whatever is written goes here and is gone with the replica.
    volumeMounts: [{ volumeName: 'data', mountPath: '/app/data' }]
  }
]
var volumes = [{ name: 'data', storageType: 'EmptyDir' }]
var scale = {
  minReplicas: minReplicas
  maxReplicas: maxReplicas
  rules: [
    { name: 'http-rule', http: { metadata: { concurrentRequests: string(concurrentRequestsPerReplica) } } }
    { name: 'cpu-rule', custom: { type: 'cpu', metadata: { type: 'Utilization', value: string(cpuUtilization) } } }
  ]
}

// drainSeconds 45, 5 s of going on after SIGTERM, and what the stores need to close: SIGKILL comes after this.
var terminationGracePeriodSeconds = 60
var production = productionLabel == 'blue' ? blueRevision : greenRevision
var idle = productionLabel == 'blue' ? greenRevision : blueRevision
// The first deployment: what it makes is production. Later ones: what they make waits under the other label.
var productionSuffix = empty(production) ? revisionSuffix : production
var idleSuffix = !empty(idle) ? idle : (revisionSuffix == productionSuffix ? '' : revisionSuffix)

resource app 'Microsoft.App/containerApps@2026-01-01' = {
  name: name
  location: location
  tags: tags
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Multiple'
      maxInactiveRevisions: 10
      registries: empty(registryServer) ? [] : [{ server: registryServer, identity: identityId }]
      secrets: map(keyVaultSecrets, secret => {
        name: toLower(replace(secret.name, '_', '-'))
        keyVaultUrl: secret.secretUri
        identity: identityId
      })
      ingress: {
        // From the virtual network where the environment is internal.
        external: true
        targetPort: 8080
        transport: 'auto'
        allowInsecure: false
        stickySessions: { affinity: 'none' }
        traffic: concat(
          [
            {
              revisionName: '${name}--${productionSuffix}'
              label: productionLabel
              latestRevision: false
              weight: empty(idleSuffix) ? 100 : 100 - canaryPercent
            }
          ],
          empty(idleSuffix)
            ? []
            : [
                {
                  revisionName: '${name}--${idleSuffix}'
                  label: idleLabel
                  latestRevision: false
                  weight: canaryPercent
                }
              ]
        )
      }
    }
    template: {
      revisionSuffix: revisionSuffix
      terminationGracePeriodSeconds: terminationGracePeriodSeconds
      containers: containers
      volumes: volumes
      scale: scale
    }
  }
}

output id string = app.id
output name string = app.name
output fqdn string = app.properties.configuration.ingress.fqdn

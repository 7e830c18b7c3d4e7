// The alerts of infra/alerts/*.kql as rules of Azure Monitor: each asks the workspace, and fires when a row comes back.
// Severity 1 is critical, 2 a warning, 3 to know. How often and over what each one asks stands in its file, too;
// `npm run check:infra` holds both together.

param namePrefix string
param location string
param tags object
param workspaceId string
param actionGroupId string
@description('Off where nobody should be woken.')
param enabled bool

var alerts = [
  {
    name: 'RouterBreakerOpen'
    description: 'A target is not called, as it failed'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterBreakerOpen.kql')
  }
  {
    name: 'RouterBudget80'
    description: 'A budget of this month is used to 80 %'
    severity: 3
    every: 'PT15M'
    window: 'PT15M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterBudget80.kql')
  }
  {
    name: 'RouterBudget90'
    description: 'A budget of this month is used to 90 %'
    severity: 2
    every: 'PT15M'
    window: 'PT15M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterBudget90.kql')
  }
  {
    name: 'RouterBudgetAlertsUndelivered'
    description: 'Messages about budgets do not arrive'
    severity: 2
    every: 'PT30M'
    window: 'PT30M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterBudgetAlertsUndelivered.kql')
  }
  {
    name: 'RouterCacheHitRateFallen'
    description: 'The cache answers less than half as often as it did'
    severity: 2
    every: 'PT30M'
    window: 'P2D'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterCacheHitRateFallen.kql')
  }
  {
    name: 'RouterErrorRateHigh'
    description: 'More than 5 % of the requests fail'
    severity: 1
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterErrorRateHigh.kql')
  }
  {
    name: 'RouterEventLoopSlow'
    description: 'The event loop of a replica is late'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterEventLoopSlow.kql')
  }
  {
    name: 'RouterExportDropping'
    description: 'Telemetry is lost on its way out'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterExportDropping.kql')
  }
  {
    name: 'RouterFirstTokenSlow'
    description: 'Streams begin late'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterFirstTokenSlow.kql')
  }
  {
    name: 'RouterGarbageCollectionHeavy'
    description: 'A replica spends its time collecting garbage'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterGarbageCollectionHeavy.kql')
  }
  {
    name: 'RouterLatencyHigh'
    description: 'The slowest 5 % of the answers take more than 3 s'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterLatencyHigh.kql')
  }
  {
    name: 'RouterNoReplica'
    description: 'No replica of the router is scraped'
    severity: 1
    every: 'PT5M'
    window: 'PT10M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterNoReplica.kql')
  }
  {
    name: 'RouterNoTargetForTier'
    description: 'No target of a tier can answer'
    severity: 1
    every: 'PT5M'
    window: 'PT5M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterNoTargetForTier.kql')
  }
  {
    name: 'RouterOutboxGrowing'
    description: 'More and more turns wait for the turn store'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterOutboxGrowing.kql')
  }
  {
    name: 'RouterRecordsDropped'
    description: 'Records of requests are lost'
    severity: 2
    every: 'PT15M'
    window: 'PT15M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterRecordsDropped.kql')
  }
  {
    name: 'RouterRecordsUnwritten'
    description: 'Records of requests wait for their store'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterRecordsUnwritten.kql')
  }
  {
    name: 'RouterReplicaFlapping'
    description: 'A replica restarts again and again'
    severity: 2
    every: 'PT15M'
    window: 'PT30M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterReplicaFlapping.kql')
  }
  {
    name: 'RouterSpendRateHigh'
    description: 'More money is spent than the fleet may cost'
    severity: 1
    every: 'PT15M'
    window: 'PT1H'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterSpendRateHigh.kql')
  }
  {
    name: 'RouterSpendRateUnusual'
    description: 'Money is spent twice as fast as in the week before'
    severity: 2
    every: 'PT15M'
    window: 'P2D'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterSpendRateUnusual.kql')
  }
  {
    name: 'RouterStoreAway'
    description: 'A store cannot be reached'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterStoreAway.kql')
  }
  {
    name: 'RouterTargetFailing'
    description: 'More than a fifth of the calls of a target fail'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterTargetFailing.kql')
  }
  {
    name: 'RouterTargetMisconfigured'
    description: 'A target refuses our key, or does not know the model'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterTargetMisconfigured.kql')
  }
  {
    name: 'RouterTargetQueueLong'
    description: 'Calls queue for a target'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterTargetQueueLong.kql')
  }
  {
    name: 'RouterThrottlingSpike'
    description: 'Limits turn away more than a fifth of the requests'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterThrottlingSpike.kql')
  }
  {
    name: 'RouterTurnsSetAside'
    description: 'Turns of conversations were set aside'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterTurnsSetAside.kql')
  }
  {
    name: 'RouterUsageLost'
    description: 'Usage of some requests is lost'
    severity: 2
    every: 'PT1H'
    window: 'PT1H'
    failing: 1
    of: 1
    query: loadTextContent('../alerts/RouterUsageLost.kql')
  }
  {
    name: 'RouterUsageUnwritten'
    description: 'Usage waits for its store'
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    failing: 2
    of: 2
    query: loadTextContent('../alerts/RouterUsageUnwritten.kql')
  }
]

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in alerts: {
    name: '${namePrefix}-${alert.name}'
    location: location
    tags: tags
    properties: {
      displayName: alert.name
      description: '${alert.description}. What to do: docs/OPERATIONS.md#${toLower(alert.name)}'
      enabled: enabled
      severity: alert.severity
      scopes: [workspaceId]
      evaluationFrequency: alert.every
      // A window times its periods may be two days at most; what looks back as far does so by a time range of its own.
      windowSize: alert.window == 'P2D' ? alert.every : alert.window
      overrideQueryTimeRange: alert.window == 'P2D' ? 'P2D' : null
      autoMitigate: true
      // A table exists from its first row on; until then the query of a new workspace does not compile there.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: alert.of
              minFailingPeriodsToAlert: alert.failing
            }
          }
        ]
      }
      actions: { actionGroups: [actionGroupId] }
    }
  }
]

// Alerts on what Azure measures by itself, beside those that ask the workspace (log-alerts.bicep).

param namePrefix string
param tags object
param actionGroupId string
@description('Off where nobody should be woken.')
param enabled bool
param cosmosAccountId string
param regions { name: string, redisId: string, gatewayId: string, openAiId: string, appId: string }[]
@description('Whether there are apps yet.')
param withApps bool
param maxReplicas int
param frontDoorId string

// Names and units: https://learn.microsoft.com/azure/azure-monitor/reference/metrics-index
var alerts = concat(
  [
    {
      name: 'cosmos-throttles'
      description: 'Cosmos DB refuses requests (429): raise the autoscale maximum'
      scope: cosmosAccountId
      metric: 'TotalRequests'
      aggregation: 'Count'
      operator: 'GreaterThan'
      threshold: 100
      severity: 2
      dimensions: [{ name: 'StatusCode', operator: 'Include', values: ['429'] }]
    }
    {
      name: 'cosmos-request-units'
      description: 'Cosmos DB uses nearly all of its request units'
      scope: cosmosAccountId
      metric: 'NormalizedRUConsumption'
      aggregation: 'Maximum'
      operator: 'GreaterThan'
      threshold: 90
      severity: 3
      dimensions: []
    }
    {
      name: 'front-door-origins'
      description: 'Front Door finds too few healthy gateways'
      scope: frontDoorId
      metric: 'OriginHealthPercentage'
      aggregation: 'Average'
      operator: 'LessThan'
      threshold: 50
      severity: 1
      dimensions: []
    }
  ],
  map(regions, region => {
    name: 'redis-memory-${region.name}'
    description: 'Redis is nearly full: it begins to evict kept answers'
    scope: region.redisId
    metric: 'usedmemorypercentage'
    aggregation: 'Maximum'
    operator: 'GreaterThan'
    threshold: 80
    severity: 2
    dimensions: []
  }),
  map(regions, region => {
    name: 'gateway-capacity-${region.name}'
    description: 'The gateway uses most of its processors: add a unit'
    scope: region.gatewayId
    metric: 'CpuPercent_Gateway'
    aggregation: 'Average'
    operator: 'GreaterThan'
    threshold: 80
    severity: 2
    dimensions: []
  }),
  map(regions, region => {
    name: 'openai-throttles-${region.name}'
    description: 'Azure OpenAI refuses requests (429): more capacity, or a smaller strong share'
    scope: region.openAiId
    metric: 'AzureOpenAIRequests'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 50
    severity: 2
    dimensions: [{ name: 'StatusCode', operator: 'Include', values: ['429'] }]
  }),
  map(withApps ? regions : [], region => {
    name: 'replicas-${region.name}'
    description: 'As many replicas run as may: more load will not be carried'
    scope: region.appId
    metric: 'Replicas'
    aggregation: 'Maximum'
    operator: 'GreaterThanOrEqual'
    threshold: maxReplicas
    severity: 2
    dimensions: []
  })
)

resource rules 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for alert in alerts: {
    name: '${namePrefix}-${alert.name}'
    location: 'global'
    tags: tags
    properties: {
      description: alert.description
      enabled: enabled
      severity: alert.severity
      scopes: [alert.scope]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: alert.name
            metricName: alert.metric
            // A resource that is new has none of its metrics yet.
            skipMetricValidation: true
            timeAggregation: alert.aggregation
            operator: alert.operator
            threshold: alert.threshold
            dimensions: alert.dimensions
          }
        ]
      }
      actions: [{ actionGroupId: actionGroupId }]
    }
  }
]

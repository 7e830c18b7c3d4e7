// Production: over three zones, closed, alerts wake somebody. With AZURE_SECONDARY_LOCATION in two regions.
using './main.bicep'
extends './shared.bicepparam'

var budget = readEnvironmentVariable('MONTHLY_BUDGET_USD', '')

param environmentName = 'prod'
param publicAccess = false
param monthlyBudgetUsd = empty(budget) ? 6000 : int(budget)
param minReplicas = 2
param maxReplicas = 20
param concurrentRequestsPerReplica = 50
param cpuUtilization = 70
param cosmosMultipleWriteLocations = false

// Staging: closed and shaped as production is, smaller; every release passes it first.
using './main.bicep'
extends './shared.bicepparam'

param environmentName = 'staging'
param publicAccess = false
param monthlyBudgetUsd = int(readEnvironmentVariable('MONTHLY_BUDGET_USD', '2500'))
param minReplicas = 2
param maxReplicas = 4
param cpu = '0.5'
param memory = '1Gi'
param cosmosMaxThroughput = 1000

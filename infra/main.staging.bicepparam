// Staging: closed and shaped as production is, smaller; every release passes it first.
using './main.bicep'
extends './shared.bicepparam'

var budget = readEnvironmentVariable('MONTHLY_BUDGET_USD', '')

param environmentName = 'staging'
param publicAccess = false
param monthlyBudgetUsd = empty(budget) ? 2500 : int(budget)
param minReplicas = 2
param maxReplicas = 4
param cpu = '0.5'
param memory = '1Gi'
param cosmosMaxThroughput = 1000

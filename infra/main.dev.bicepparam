// Development: reached from the internet, no second of anything, the least that is paid while nobody asks.
using './main.bicep'
extends './shared.bicepparam'

var budget = readEnvironmentVariable('MONTHLY_BUDGET_USD', '')

param environmentName = 'dev'
param publicAccess = true
param monthlyBudgetUsd = empty(budget) ? 900 : int(budget)
param maxReplicas = 4
param cpu = '0.5'
param memory = '1Gi'
param openAiDeployments = [
  { name: 'small', model: 'gpt-5-mini', version: '2025-08-07', sku: 'GlobalStandard', capacity: 30 }
  { name: 'large', model: 'gpt-5.1', version: '2025-11-13', sku: 'GlobalStandard', capacity: 10 }
]

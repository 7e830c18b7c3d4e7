// Development: reached from the internet, no second of anything, the least that is paid while nobody asks.
using './main.bicep'
extends './shared.bicepparam'

param environmentName = 'dev'
param publicAccess = true
param monthlyBudgetUsd = int(readEnvironmentVariable('MONTHLY_BUDGET_USD', '400'))
// One replica runs at night, too; 0 would make the first question of a day wait for a start.
param minReplicas = 1
param maxReplicas = 2
param cpu = '0.5'
param memory = '1Gi'
param openAiDeployments = [
  { name: 'small', model: 'gpt-4.1-mini', version: '2025-04-14', sku: 'GlobalStandard', capacity: 30 }
  { name: 'large', model: 'gpt-4.1', version: '2025-04-14', sku: 'GlobalStandard', capacity: 10 }
]

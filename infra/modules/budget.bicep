// The month's budget of everything that this template makes, in all its resource groups.
targetScope = 'subscription'

param name string
@description('USD, or the currency of the subscription\'s invoice.')
@minValue(1)
param amount int
@description('First day of the month it begins with, as yyyy-MM-01.')
param startDate string
param resourceGroupNames string[]
@minLength(1)
param contactEmails string[]
param actionGroupId string

var notices = [
  { name: 'actual-80', threshold: 80, type: 'Actual' }
  { name: 'actual-90', threshold: 90, type: 'Actual' }
  { name: 'forecast-100', threshold: 100, type: 'Forecasted' }
]

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    filter: { dimensions: { name: 'ResourceGroupName', operator: 'In', values: resourceGroupNames } }
    notifications: toObject(notices, notice => notice.name, notice => {
      enabled: true
      operator: 'GreaterThanOrEqualTo'
      threshold: notice.threshold
      thresholdType: notice.type
      contactEmails: contactEmails
      contactGroups: [actionGroupId]
    })
  }
}

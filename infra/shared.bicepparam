// What all environments share: values that differ from deployment to deployment, from the variables of the environment
// (azd env set NAME VALUE; docs/AZURE.md lists them).
using none

var gateway = readEnvironmentVariable('GATEWAY_PUBLIC_ACCESS', '')
var canary = readEnvironmentVariable('CANARY_PERCENT', '')

param workloadName = readEnvironmentVariable('WORKLOAD_NAME', 'router')
param location = readEnvironmentVariable('AZURE_LOCATION', 'swedencentral')
param secondaryLocation = readEnvironmentVariable('AZURE_SECONDARY_LOCATION', '')
param apiAudience = readEnvironmentVariable('API_AUDIENCE', '')
// None is refused: somebody must be told.
param budgetContacts = filter(
  map(split(readEnvironmentVariable('BUDGET_CONTACTS', ''), ','), contact => trim(contact)),
  contact => !empty(contact)
)
param apimPublisherEmail = readEnvironmentVariable('APIM_PUBLISHER_EMAIL', '')

// Said once by the hook of azd; empty = as the template says.
param budgetStartDate = readEnvironmentVariable('BUDGET_START_DATE', '')
param gatewayPublicAccess = gateway == 'true'

// What is live, as the hook of azd and the release read it: a deployment moves no traffic.
param image = readEnvironmentVariable('SERVICE_ROUTER_IMAGE_NAME', '')
param productionLabel = readEnvironmentVariable('PRODUCTION_LABEL', 'blue')
param blueRevision = readEnvironmentVariable('BLUE_REVISION', '')
param greenRevision = readEnvironmentVariable('GREEN_REVISION', '')
param canaryPercent = empty(canary) ? 0 : int(canary)
param revisionSuffix = readEnvironmentVariable('REVISION_SUFFIX', '')

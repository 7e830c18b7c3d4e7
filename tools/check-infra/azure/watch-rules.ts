import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ALERTS, filesOf } from '../alert-rules.js';
import type { Deployment, Template } from './deployment.js';
import { at, closed, every, has, list, ofType, prod, regionsOf, same, withApp, type Rule } from './rule.js';

const LOG_ALERT = 'Microsoft.Insights/scheduledQueryRules';
const METRIC_ALERT = 'Microsoft.Insights/metricAlerts';
const BUDGET = 'Microsoft.Consumption/budgets';
const DIAGNOSTICS = 'Microsoft.Insights/diagnosticSettings';
const LOGS = 'Microsoft.OperationalInsights/workspaces';
const INSIGHTS = 'Microsoft.Insights/components';
const SEVERITIES: Readonly<Record<string, number>> = { critical: 1, warning: 2, info: 3 };
const HEADER = /^\/\/ severity: (\w+); every: (\w+); window: (\w+); failing periods: (\d) of (\d)/m;
/** Of each, what is asked of Azure Monitor about it: of what is shared, and of what each region has. */
const SHARED_METRICS = ['TotalRequests', 'NormalizedRUConsumption', 'OriginHealthPercentage'];
const REGIONAL_METRICS = ['usedmemorypercentage', 'CpuPercent_Gateway', 'AzureOpenAIRequests'];
const APP_METRICS = ['Replicas'];
/** What each of them says is kept: a setting for each resource of these types. */
const TOLD = [
  'Microsoft.ContainerRegistry/registries',
  'Microsoft.Cache/redisEnterprise',
  'Microsoft.Cache/redisEnterprise/databases',
  'Microsoft.DocumentDB/databaseAccounts',
  'Microsoft.Storage/storageAccounts/tableServices',
  'Microsoft.CognitiveServices/accounts',
  'Microsoft.KeyVault/vaults',
  'Microsoft.App/managedEnvironments',
  'Microsoft.ApiManagement/service',
  'Microsoft.Cdn/profiles',
  LOGS,
];
/** Every kind of resource that the template makes: another one is looked at by somebody before it is added here. */
const KNOWN = new Set([
  ...['Microsoft.Resources/resourceGroups', 'Microsoft.ManagedIdentity/userAssignedIdentities', LOGS, INSIGHTS],
  ...['Microsoft.Insights/privateLinkScopes', 'Microsoft.Insights/privateLinkScopes/scopedResources', DIAGNOSTICS],
  ...[LOG_ALERT, METRIC_ALERT, BUDGET, 'Microsoft.Insights/actionGroups', 'Microsoft.Insights/workbooks'],
  ...['', '/replications'].map((part) => `Microsoft.ContainerRegistry/registries${part}`),
  ...['', '/databases', '/databases/accessPolicyAssignments'].map((part) => `Microsoft.Cache/redisEnterprise${part}`),
  ...['', '/sqlDatabases', '/sqlDatabases/containers', '/sqlRoleAssignments'].map(
    (part) => `Microsoft.DocumentDB/databaseAccounts${part}`,
  ),
  ...['', '/tableServices', '/tableServices/tables'].map((part) => `Microsoft.Storage/storageAccounts${part}`),
  ...['', '/deployments'].map((part) => `Microsoft.CognitiveServices/accounts${part}`),
  ...['Microsoft.KeyVault/vaults', 'Microsoft.App/managedEnvironments', 'Microsoft.App/containerApps'],
  ...['', '/namedValues', '/backends', '/loggers', '/policies', '/apis', '/apis/policies', '/apis/diagnostics'].map(
    (part) => `Microsoft.ApiManagement/service${part}`,
  ),
  ...['', '/policies'].map((part) => `Microsoft.ApiManagement/service/apis/operations${part}`),
  ...['', '/afdEndpoints', '/afdEndpoints/routes', '/originGroups', '/originGroups/origins', '/securityPolicies'].map(
    (part) => `Microsoft.Cdn/profiles${part}`,
  ),
  ...['networkSecurityGroups', 'virtualNetworks', 'FrontDoorWebApplicationFirewallPolicies'].map(
    (part) => `Microsoft.Network/${part}`,
  ),
  ...['', '/virtualNetworkLinks', '/A'].map((part) => `Microsoft.Network/privateDnsZones${part}`),
  ...['', '/privateDnsZoneGroups'].map((part) => `Microsoft.Network/privateEndpoints${part}`),
  'Microsoft.Authorization/roleAssignments',
]);
/** DESIGN section 10. */
const PARAMETERS: Readonly<Record<string, unknown>> = {
  ...{ workloadName: 'router', environmentName: undefined, location: undefined, secondaryLocation: '', image: '' },
  ...{ minReplicas: 2, maxReplicas: 20, concurrentRequestsPerReplica: 50, cpuUtilization: 70 },
  ...{ monthlyBudgetUsd: undefined, budgetContacts: undefined, publicAccess: false },
  ...{ cosmosMultipleWriteLocations: false, productionLabel: 'blue', canaryPercent: 0 },
};
const OUTPUTS = ['GATEWAY_URL', 'APP_FQDN', 'APP_NAME', 'AZURE_RESOURCE_GROUP', 'AZURE_CONTAINER_REGISTRY_ENDPOINT'];
/** Functions that read a key or a password of a resource. */
const KEYS = /\b(list(Keys|Secrets|ConnectionStrings|Credentials|AccountSas|ServiceSas|AdminKeys|QueryKeys)\w*)\s*\(/i;

/** Who is told, of a rule of Azure Monitor. */
const tells = (rule: unknown): boolean =>
  list(rule, 'properties.actions.actionGroups').length + list(rule, 'properties.actions').length > 0;

function logAlertProblems(deployment: Deployment): string[] {
  const rules = new Map(
    ofType(deployment, LOG_ALERT).map((rule) => [String(at(rule, 'properties.displayName')), rule]),
  );
  const files = filesOf(deployment.root, ALERTS, '.kql');
  const wrong = files.filter((file) => {
    const text = readFileSync(join(deployment.root, file), 'utf8');
    const rule = rules.get(basename(file, '.kql'));
    const [, severity = '', frequency, window, failing, of] = HEADER.exec(text) ?? [];
    const condition = at(rule, 'properties.criteria.allOf.0');
    return !(
      at(condition, 'query') === text &&
      at(rule, 'properties.severity') === SEVERITIES[severity] &&
      at(rule, 'properties.evaluationFrequency') === frequency &&
      at(rule, 'properties.windowSize') === (window === 'P2D' ? frequency : window) &&
      (at(rule, 'properties.overrideQueryTimeRange') ?? null) === (window === 'P2D' ? window : null) &&
      at(condition, 'failingPeriods.minFailingPeriodsToAlert') === Number(failing) &&
      at(condition, 'failingPeriods.numberOfEvaluationPeriods') === Number(of) &&
      at(condition, 'operator') === 'GreaterThan' &&
      at(condition, 'threshold') === 0 &&
      tells(rule)
    );
  });
  const extra = rules.size - files.length;
  return [...wrong, ...(extra > 0 ? [`${extra} without a file`] : [])];
}

export const WATCH_RULES: readonly Rule[] = [
  {
    says: 'each query of infra/alerts is a rule that is asked as its second line says, and tells somebody',
    type: LOG_ALERT,
    broken: logAlertProblems,
  },
  ...[LOG_ALERT, METRIC_ALERT].map((type) =>
    every(
      type,
      `${type}: alerts wake somebody in production, and nobody elsewhere`,
      (rule, deployment) => at(rule, 'properties.enabled') === prod(deployment),
    ),
  ),
  has(
    LOGS,
    'what is logged is cut off at no size but in dev',
    { 'properties.workspaceCapping.dailyQuotaGb': -1 },
    closed,
  ),
  {
    says: 'what Azure measures by itself is watched, in each region, and somebody is told',
    type: METRIC_ALERT,
    broken: (deployment) => {
      const rules = ofType(deployment, METRIC_ALERT);
      const count = (metric: string): number =>
        rules.filter((rule) => at(rule, 'properties.criteria.allOf.0.metricName') === metric && tells(rule)).length;
      const regions = regionsOf(deployment);
      return [
        ...SHARED_METRICS.filter((metric) => count(metric) !== 1),
        ...REGIONAL_METRICS.filter((metric) => count(metric) !== regions),
        ...APP_METRICS.filter((metric) => count(metric) !== (withApp(deployment) ? regions : 0)),
      ];
    },
  },
  every(
    'Microsoft.Insights/actionGroups',
    'every contact is told of alerts',
    (group) => list(group, 'properties.emailReceivers').length === 2 && at(group, 'properties.enabled') === true,
  ),
  every(
    BUDGET,
    'there are notices at 80 % and 90 % spent, and when the forecast says 100 %, to every contact',
    (budget) => {
      const notices = Object.values(at(budget, 'properties.notifications') ?? {});
      const found = notices.map((it) => `${String(at(it, 'thresholdType'))} ${String(at(it, 'threshold'))}`).sort();
      return (
        same(found, ['Actual 80', 'Actual 90', 'Forecasted 100']) &&
        notices.every((notice) => at(notice, 'enabled') === true && list(notice, 'contactEmails').length === 2)
      );
    },
  ),
  every(
    BUDGET,
    'the budget is what is asked for, of every resource group',
    (budget, deployment) =>
      at(budget, 'properties.amount') === Number(deployment.variables['MONTHLY_BUDGET_USD']) &&
      list(budget, 'properties.filter.dimensions.values').length ===
        ofType(deployment, 'Microsoft.Resources/resourceGroups').length,
  ),
  has(LOGS, 'logs are read and written with a sign-in', { 'properties.features.disableLocalAuth': true }),
  has(INSIGHTS, 'telemetry is sent with a sign-in, into the workspace', {
    'properties.DisableLocalAuth': true,
    'properties.IngestionMode': 'LogAnalytics',
  }),
  has(
    LOGS,
    'logs come in through the network in staging and prod',
    { 'properties.publicNetworkAccessForIngestion': 'Disabled' },
    closed,
  ),
  has(
    INSIGHTS,
    'telemetry comes in through the network in staging and prod',
    { 'properties.publicNetworkAccessForIngestion': 'Disabled' },
    closed,
  ),
  {
    says: 'every resource tells the workspace what happens in it',
    type: DIAGNOSTICS,
    broken: (deployment) => {
      const settings = ofType(deployment, DIAGNOSTICS);
      const wanted = TOLD.flatMap((type) => ofType(deployment, type)).length;
      const silent = settings.filter(
        (setting) =>
          at(setting, 'properties.workspaceId') === undefined ||
          [...list(setting, 'properties.logs'), ...list(setting, 'properties.metrics')].some(
            (one) => at(one, 'enabled') !== true,
          ),
      );
      return settings.length === wanted && silent.length === 0 ? [] : [`${settings.length} settings of ${wanted}`];
    },
  },
  {
    says: 'nothing is made but what is known here',
    type: 'Microsoft.Resources/resourceGroups',
    broken: ({ resources }) =>
      resources.filter(({ type }) => !KNOWN.has(type)).map(({ type, name }) => `${type} ${name}`),
  },
  {
    says: 'everything says which workload and environment it is of',
    type: 'Microsoft.Resources/resourceGroups',
    broken: ({ resources, environment }) =>
      resources
        .filter(({ type, location }) => location !== undefined && !/\/(replications|afdEndpoints)$/.test(type))
        .filter(({ tags }) => tags?.['workload'] !== 'router' || tags['environment'] !== environment)
        .map(({ type, name }) => `${type} ${name}`),
  },
];

/** What is true of the template itself, whatever it is given. */
export const TEMPLATE_RULES: readonly { readonly says: string; readonly broken: (template: Template) => string[] }[] = [
  {
    says: 'the parameters are those of docs/DESIGN.md section 10, with their defaults',
    broken: ({ parameters }) =>
      Object.entries(PARAMETERS)
        .filter(([name, value]) => !(name in parameters) || !same(parameters[name]?.defaultValue, value))
        .map(([name]) => name),
  },
  {
    says: 'the outputs are names and addresses',
    broken: ({ outputs }) => [
      ...OUTPUTS.filter((name) => !(name in outputs)),
      ...Object.keys(outputs).filter((name) => /secret|password|(?<!VAULT_|_)KEY(?!_VAULT)/i.test(name)),
    ],
  },
  {
    says: 'no key of a resource is read, and no output of any module is a secret',
    broken: (template) => {
      const found = KEYS.exec(JSON.stringify(template))?.[1];
      return [...(found ? [found] : []), ...secretOutputs(template)];
    },
  },
];

function secretOutputs(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const outputs = Object.entries(at(value, 'outputs') ?? {})
    .filter(([, output]) => /^secure/i.test(String(at(output, 'type'))))
    .map(([name]) => name);
  return [...outputs, ...Object.values(value).flatMap(secretOutputs)];
}

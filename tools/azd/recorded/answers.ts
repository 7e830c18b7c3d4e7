// What az prints (2.7x, as of 2026-11; only the fields that are read, in their places), for specs.

export const SUBSCRIPTION = '11111111-2222-3333-4444-555555555555';
export const TENANT = '99999999-8888-7777-6666-555555555555';
const GROUP = 'rg-llmrouter-dev';
const tags = { 'azd-env-name': 'dev' };
const id = (type: string, name: string) =>
  `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}/providers/${type}/${name}`;

/** `az account show` */
export const account = { id: SUBSCRIPTION, name: 'Platform', state: 'Enabled', tenantId: TENANT, isDefault: true };

const provider = (namespace: string) => ({ namespace, registrationState: 'Registered', resourceTypes: [] });
/** `az provider list` */
export const providers = [
  ...['Microsoft.ApiManagement', 'Microsoft.App', 'Microsoft.Cache', 'Microsoft.Cdn', 'Microsoft.CognitiveServices'],
  ...['Microsoft.Consumption', 'Microsoft.ContainerRegistry', 'Microsoft.DocumentDB', 'microsoft.insights'],
  ...['Microsoft.KeyVault', 'Microsoft.ManagedIdentity', 'Microsoft.Network', 'Microsoft.OperationalInsights'],
  ...['Microsoft.Storage', 'Microsoft.Web'],
].map(provider);

/** `az provider show --namespace Microsoft.Cache` */
export const cache = {
  ...provider('Microsoft.Cache'),
  resourceTypes: [{ resourceType: 'redisEnterprise', locations: ['Sweden Central', 'West Europe', 'Malaysia West'] }],
};

const zones = ['1', '2', '3'].map((logicalZone) => ({ logicalZone, physicalZone: `x-az${logicalZone}` }));
/** `az account list-locations` */
export const locations = [
  { name: 'swedencentral', displayName: 'Sweden Central', availabilityZoneMappings: zones },
  { name: 'westeurope', displayName: 'West Europe', availabilityZoneMappings: zones },
  { name: 'malaysiawest', displayName: 'Malaysia West', availabilityZoneMappings: null },
  { name: 'westcentralus', displayName: 'West Central US', availabilityZoneMappings: null },
];

const sku = (kind: string, name: string) => ({
  name: kind,
  usageName: `OpenAI.${kind}.${name}`,
  capacity: { default: 10 },
});
/** `az cognitiveservices model list -l swedencentral` */
export const models = [
  {
    kind: 'OpenAI',
    model: {
      format: 'OpenAI',
      name: 'gpt-5-mini',
      version: '2025-08-07',
      skus: [sku('GlobalStandard', 'gpt-5-mini'), sku('DataZoneStandard', 'gpt-5-mini')],
    },
  },
  {
    kind: 'OpenAI',
    model: { format: 'OpenAI', name: 'gpt-5', version: '2025-08-07', skus: [sku('GlobalStandard', 'gpt-5')] },
  },
  { kind: 'AIServices', model: { format: 'Microsoft', name: 'model-router', version: '1', skus: [] } },
];

/** `az cognitiveservices usage list -l swedencentral` */
export const modelUsage = [
  {
    name: { value: 'OpenAI.GlobalStandard.gpt-5-mini', localizedValue: 'Tokens Per Minute (thousands)' },
    currentValue: 100,
    limit: 500,
    unit: 'Count',
  },
  {
    name: { value: 'OpenAI.GlobalStandard.gpt-5', localizedValue: 'Tokens Per Minute (thousands)' },
    currentValue: 0,
    limit: 150,
    unit: 'Count',
  },
];

const DEPLOYMENTS = [
  { name: 'gpt-small', model: 'gpt-5-mini', version: '2025-08-07', sku: 'GlobalStandard', capacity: 200 },
  { name: 'gpt-large', model: 'gpt-5', version: '2025-08-07', sku: 'GlobalStandard', capacity: 100 },
];
/** `az bicep build-params --stdout` */
export const parametersWith = (openAiDeployments: readonly object[] = DEPLOYMENTS, maxReplicas = 20) => ({
  parametersJson: JSON.stringify({
    contentVersion: '1.0.0.0',
    parameters: {
      openAiDeployments: { value: openAiDeployments },
      maxReplicas: { value: maxReplicas },
      productionLabel: { value: 'blue' },
    },
  }),
});
export const modelDeployments = DEPLOYMENTS;

export interface Weighted {
  readonly label?: string;
  readonly revisionName?: string;
  readonly weight?: number;
  readonly latestRevision?: boolean;
}

/** `az containerapp show` */
export const appWith = (
  traffic: readonly Weighted[],
  image = 'acr.azurecr.io/router:1',
  location = 'Sweden Central',
  name = 'ca-llmrouter-dev',
) => ({
  name,
  resourceGroup: GROUP,
  location,
  id: id('Microsoft.App/containerApps', name),
  tags: { ...tags, 'azd-service-name': 'router' },
  properties: {
    latestRevisionName: `${name}--r1`,
    provisioningState: 'Succeeded',
    runningStatus: 'Running',
    configuration: {
      activeRevisionsMode: 'Multiple',
      ingress: { fqdn: `${name}.example.azurecontainerapps.io`, traffic },
    },
    template: { revisionSuffix: 'r1', containers: [{ name: 'router', image, resources: { cpu: 1, memory: '2Gi' } }] },
  },
});

/** One of `az containerapp revision list --all` */
export const revision = (name: string, active = true, provisioningState = 'Provisioned', healthState = 'Healthy') => ({
  name,
  properties: {
    active,
    provisioningState,
    healthState,
    runningState: active ? 'Running' : 'Stopped',
    replicas: active ? 2 : 0,
    trafficWeight: 0,
  },
});

/** One of `az resource list --resource-type T` */
export const resource = (type: string, name: string, location = 'swedencentral', ownTags: object | null = tags) => ({
  id: id(type, name),
  name,
  resourceGroup: GROUP,
  location,
  tags: ownTags,
});

/** `az containerapp list-usages -l`, `az containerapp env list-usages` */
export const usage = (value: string, currentValue: number, limit: number) => ({
  name: { value, localizedValue: value },
  currentValue,
  limit,
  unit: 'Count',
});

/** What a machine answers on which all is well and nothing is deployed. */
export const EMPTY_SUBSCRIPTION: Record<string, unknown> = {
  'az account show': account,
  'az provider list': providers,
  'az account list-locations': locations,
  'az provider show Microsoft.Cache': cache,
  'az resource list Microsoft.App/containerApps': [],
  'az resource list Microsoft.App/managedEnvironments': [],
  'az resource list Microsoft.CognitiveServices/accounts': [],
  'az resource list Microsoft.ApiManagement/service': [],
  'az rest': {
    stderr: 'ERROR: Not Found({"error":{"code":"404","message":"Budget is not found. (ResourceNotFound)"}})',
    code: 3,
  },
  'az bicep build-params': parametersWith(),
  'az cognitiveservices model list': models,
  'az cognitiveservices usage list': modelUsage,
  'az containerapp list-usages': [usage('ManagedEnvironmentCount', 1, 50)],
  'azd env set': {},
};

// What would make a deployment fail half an hour later, told in one sentence each before it begins. Pure: it reads what `az`
// printed. Plain JavaScript without packages, for Node 18 and later.
export const ENVIRONMENTS = ['dev', 'staging', 'prod'];
/** Of the resources in infra/modules. */
export const PROVIDERS = [
  'Microsoft.ApiManagement',
  'Microsoft.App',
  'Microsoft.Cache',
  'Microsoft.Cdn',
  'Microsoft.CognitiveServices',
  'Microsoft.Consumption',
  'Microsoft.ContainerRegistry',
  'Microsoft.DocumentDB',
  'Microsoft.Insights',
  'Microsoft.KeyVault',
  'Microsoft.ManagedIdentity',
  'Microsoft.Network',
  'Microsoft.OperationalInsights',
  'Microsoft.Storage',
];
const EMAIL = /^[^\s@,]+@[^\s@,]+\.[^\s@,]+$/;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Names that are made of it take no two hyphens in a row (a revision's stands between them). */
const WORKLOAD = /^(?=.{2,12}$)[a-z](?:-?[a-z0-9])+$/;
const AMOUNT = /^[1-9]\d{0,8}$/;
const set = (name, example) => `azd env set ${name} ${example}`;
const place = (location) => location.toLowerCase().replaceAll(' ', '');

/** Name, whether it must be there, what it must look like, and how that is said. */
const VALUES = [
  ['AZURE_LOCATION', true, /^[a-z0-9]+$/, 'the short name of a region', 'swedencentral'],
  ['AZURE_SUBSCRIPTION_ID', true, GUID, 'a subscription id', '00000000-0000-0000-0000-000000000000'],
  ['AZURE_SECONDARY_LOCATION', false, /^[a-z0-9]+$/, 'the short name of a region', 'germanywestcentral'],
  [
    'API_AUDIENCE',
    true,
    GUID,
    'the application (client) id of the app registration, which tokens of version 2 carry (docs/ENTRA.md), without api://',
    '00000000-0000-0000-0000-000000000000',
  ],
  ['APIM_PUBLISHER_EMAIL', false, EMAIL, 'one e-mail address', 'platform@example.com'],
  ['WORKLOAD_NAME', false, WORKLOAD, '2 to 12 lower-case letters, digits and single hyphens, a letter first', 'router'],
  ['MONTHLY_BUDGET_USD', false, AMOUNT, 'a whole number of dollars, at most 9 digits', '500'],
];

function valueProblem(env, [name, needed, shape, what, example]) {
  const value = env[name] ?? '';
  if (value === '') return needed ? [`${name} is not set; it is ${what}: ${set(name, example)}`] : [];
  return shape.test(value) ? [] : [`${name} is "${value}", and must be ${what}: ${set(name, example)}`];
}

/** Whether there are parameters for this name. @returns at most one sentence */
export const nameProblems = (name) =>
  ENVIRONMENTS.includes(name)
    ? []
    : [
        `The azd environment is named "${name}", and there are parameters for ${ENVIRONMENTS.join(', ')}: azd env new dev (or azd env select dev)`,
      ];

/** Whether the values of the azd environment can be deployed with. @returns one sentence a problem, with its cure */
export function environmentProblems(env) {
  const unnamed = nameProblems(env.AZURE_ENV_NAME ?? '');
  if (unnamed.length > 0) return unnamed;
  const contacts = (env.BUDGET_CONTACTS ?? '').split(',').map((one) => one.trim());
  const wrong = contacts.filter((one) => !EMAIL.test(one));
  const same = env.AZURE_SECONDARY_LOCATION && env.AZURE_SECONDARY_LOCATION === env.AZURE_LOCATION;
  return [
    ...VALUES.flatMap((rule) => valueProblem(env, rule)),
    ...(wrong.length > 0
      ? [
          `BUDGET_CONTACTS is "${env.BUDGET_CONTACTS ?? ''}", and must be e-mail addresses with commas between them; who is told of the budget: ${set('BUDGET_CONTACTS', 'a@example.com,b@example.com')}`,
        ]
      : []),
    ...(same
      ? [`AZURE_SECONDARY_LOCATION is the first region again: ${set('AZURE_SECONDARY_LOCATION', 'germanywestcentral')}`]
      : []),
  ];
}

/** @param account of `az account show` */
export function accountProblems(account, env) {
  const { id, name, state, tenantId } = account;
  if (env.AZURE_TENANT_ID && tenantId !== env.AZURE_TENANT_ID)
    return [
      `az is signed in to tenant ${tenantId}, not ${env.AZURE_TENANT_ID}: az login --tenant ${env.AZURE_TENANT_ID}`,
    ];
  if (id !== env.AZURE_SUBSCRIPTION_ID)
    return [
      `az uses the subscription "${name}" (${id}), and this environment is for ${env.AZURE_SUBSCRIPTION_ID}: az account set --subscription ${env.AZURE_SUBSCRIPTION_ID}`,
    ];
  if (state !== 'Enabled')
    return [
      `The subscription "${name}" is ${state}, so nothing can be created in it: enable it in the Azure portal, or take another one: ${set('AZURE_SUBSCRIPTION_ID', 'ID')}`,
    ];
  return [];
}

/** @param listed of `az provider list` */
export function providerProblems(listed) {
  const states = new Map(
    listed.map(({ namespace, registrationState }) => [namespace.toLowerCase(), registrationState]),
  );
  const missing = PROVIDERS.filter((name) => states.get(name.toLowerCase()) !== 'Registered');
  return missing.map(
    (name) => `The resource provider ${name} is not registered: az provider register --namespace ${name} --wait`,
  );
}

/**
 * @param locations of `az account list-locations`
 * @param cache of `az provider show --namespace Microsoft.Cache`
 */
export function regionProblems(location, environment, locations, cache) {
  const region = locations.find(({ name }) => name === location);
  const elsewhere = set('AZURE_LOCATION', 'swedencentral');
  if (!region)
    return [
      `The subscription has no region "${location}" (az account list-locations -o table shows them): ${elsewhere}`,
    ];
  const redis = cache.resourceTypes?.find(({ resourceType }) => resourceType === 'redisEnterprise')?.locations ?? [];
  return [
    ...(redis.some((one) => place(one) === location)
      ? []
      : [`${location} has no Azure Managed Redis: take another region: ${elsewhere}`]),
    ...(environment === 'prod' && !(region.availabilityZoneMappings?.length > 0)
      ? [`${location} has no availability zones, which prod needs: take another region: ${elsewhere}`]
      : []),
  ];
}

const skuOf = (models, { name, version, sku }) =>
  models
    .map(({ model }) => model)
    .find((model) => model.name === name && model.version === version)
    ?.skus?.find((one) => one.name === sku);

/**
 * @param deployments the parameter openAiDeployments
 * @param models of `az cognitiveservices model list -l`
 */
export function modelProblems(deployments, models, location) {
  const OpenAi = models.filter(({ model }) => model?.format === 'OpenAI');
  return deployments.flatMap((asked) => {
    const known = OpenAi.map(({ model }) => model).filter(({ name }) => name === asked.model);
    const versions = known.map(({ version }) => version);
    const where = 'change openAiDeployments in infra/main.*.bicepparam, or AZURE_LOCATION';
    if (known.length === 0) return [`${location} has no model ${asked.model} (deployment ${asked.name}): ${where}.`];
    if (!versions.includes(asked.version))
      return [
        `${location} has ${asked.model} in version ${versions.join(', ')}, not ${asked.version} (deployment ${asked.name}): ${where}.`,
      ];
    if (skuOf(OpenAi, { name: asked.model, version: asked.version, sku: asked.sku })) return [];
    const skus = known.find(({ version }) => version === asked.version).skus ?? [];
    return [
      `${location} has ${asked.model} ${asked.version} as ${skus.map(({ name }) => name).join(', ') || 'nothing'}, not as ${asked.sku} (deployment ${asked.name}): ${where}.`,
    ];
  });
}

/** Units by the name of their quota; several deployments may draw on one. */
function unitsByQuota(deployments, models) {
  const units = new Map();
  for (const { model, version, sku, capacity } of deployments) {
    const quota = skuOf(models, { name: model, version, sku })?.usageName ?? `OpenAI.${sku}.${model}`;
    units.set(quota, (units.get(quota) ?? 0) + capacity);
  }
  return units;
}

/** As `az cognitiveservices account deployment list` prints them, in the form of the parameter. */
export const deployed = (listed) =>
  listed.map(({ name, sku, properties }) => ({
    name,
    model: properties.model.name,
    version: properties.model.version,
    sku: sku.name,
    capacity: sku.capacity,
  }));

/**
 * @param deployments the parameter openAiDeployments; capacity in thousands of tokens a minute
 * @param existing those that are there already, and are in the usage
 * @param usages of `az cognitiveservices usage list -l`
 */
export function modelQuotaProblems(deployments, existing, models, usages, location) {
  const has = unitsByQuota(existing, models);
  return [...unitsByQuota(deployments, models)].flatMap(([quota, asked]) => {
    const more = asked - (has.get(quota) ?? 0);
    const usage = usages.find(({ name }) => name.value === quota);
    const left = usage ? usage.limit - usage.currentValue : 0;
    return more <= left
      ? []
      : [
          `${location} has ${left} units left of the quota ${quota}, and ${more} more are needed: lower the capacity in openAiDeployments (infra/main.*.bicepparam), or ask for more at https://aka.ms/oai/quotaincrease.`,
        ];
  });
}

const MORE_QUOTA = 'ask for more in the Azure portal (Quotas, Azure Container Apps)';
/** `az containerapp list-usages` prints a list or an object with one, by version. */
const listOf = (usages) => (Array.isArray(usages) ? usages : (usages.value ?? []));

/** Before there is an environment: may one be created? @param usages of `az containerapp list-usages -l` */
export function environmentQuotaProblems(usages, location) {
  const usage = listOf(usages).find(({ name }) => name.value === 'ManagedEnvironmentCount');
  return usage && usage.currentValue >= usage.limit
    ? [
        `${location} has ${usage.currentValue} of ${usage.limit} Container Apps environments that the subscription may have: delete one, take another region, or ${MORE_QUOTA}.`,
      ]
    : [];
}

/**
 * Whether a new revision can grow beside the running one.
 *
 * @param usages of `az containerapp env list-usages`
 * @param cores that the new revision may use: vCPU of a replica x most replicas
 */
export function coreQuotaProblems(usages, cores, name) {
  const usage = listOf(usages).find((one) => one.name.value === 'ManagedEnvironmentConsumptionCores');
  const left = usage ? usage.limit - usage.currentValue : Infinity;
  return cores <= left
    ? []
    : [
        `The environment ${name} has ${left} cores left, and a new revision may use ${cores}: lower maxReplicas, or ${MORE_QUOTA}.`,
      ];
}

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import {
  account,
  appWith,
  cache,
  EMPTY_SUBSCRIPTION,
  modelDeployments,
  parametersWith,
  providers,
  resource,
  revision,
  SUBSCRIPTION,
  TENANT,
  usage,
} from './recorded/answers.js';
import { kept, Stage } from './recorded/stage.js';

interface AzureYaml {
  readonly hooks: Readonly<Record<string, { readonly posix: { readonly run: string } }>>;
}
const { hooks } = parse(readFileSync('azure.yaml', 'utf8')) as AzureYaml;
/** As azd runs it. */
const hook = (name: string) => hooks[name]!.posix.run;

const NAME = 'ca-llmrouter-dev';
const IMAGE = 'acr.azurecr.io/router:2';
const ENV = {
  AZURE_ENV_NAME: 'dev',
  AZURE_LOCATION: 'swedencentral',
  AZURE_SUBSCRIPTION_ID: SUBSCRIPTION,
  API_AUDIENCE: TENANT,
  APIM_PUBLISHER_EMAIL: 'platform@example.com',
  BUDGET_CONTACTS: 'a@example.com, b@example.com',
  MONTHLY_BUDGET_USD: '500',
};
const labelled = (label: string, suffix: string, weight: number) => ({
  label,
  revisionName: `${NAME}--${suffix}`,
  weight,
});
const deployedWith = (...traffic: ReturnType<typeof labelled>[]) => ({
  ...EMPTY_SUBSCRIPTION,
  'az resource list Microsoft.App/containerApps': [
    resource('Microsoft.App/containerApps', 'other', 'swedencentral', null),
    resource('Microsoft.App/containerApps', NAME),
  ],
  'az containerapp show': appWith(traffic),
  'az containerapp revision list': traffic.map(({ revisionName }) => revision(revisionName)),
});
const DEPLOYED = deployedWith(labelled('blue', 'r1', 100), labelled('green', 'r0', 0));
const failing = (stderr: string, code = 1) => ({ stderr, code });

let stage: Stage;
beforeEach(() => (stage = new Stage()));
afterEach(() => stage.remove());

describe('before azd provisions', () => {
  it('an empty subscription passes; azd gets the parameters of the environment, and no revision', async () => {
    const told = await stage.run(hook('preprovision'), EMPTY_SUBSCRIPTION, ENV);
    expect(told).toMatchObject({ code: 0, error: '' });
    expect(stage.read('infra/main.bicepparam')).toBe(stage.read('infra/main.dev.bicepparam'));
    expect(kept(told)).toEqual({
      SERVICE_ROUTER_IMAGE_NAME: '',
      PRODUCTION_LABEL: 'blue',
      BLUE_REVISION: '',
      GREEN_REVISION: '',
      CANARY_PERCENT: '0',
      REVISION_SUFFIX: '',
      ...{ GATEWAY_PUBLIC_ACCESS: '', BUDGET_START_DATE: '' },
    });
  });

  it('the first image becomes blue', async () => {
    const told = await stage.run(hook('preprovision'), EMPTY_SUBSCRIPTION, {
      ...ENV,
      SERVICE_ROUTER_IMAGE_NAME: IMAGE,
    });
    const { REVISION_SUFFIX: suffix, ...values } = kept(told);
    expect(values).toMatchObject({ PRODUCTION_LABEL: 'blue', BLUE_REVISION: suffix, GREEN_REVISION: '' });
    expect(suffix).toMatch(/^r[0-9a-f]{6}$/);
  });

  it('a new image comes up on the idle label; a fresh clone, which knows no image, keeps the running one', async () => {
    const commit = 'abcdef0123456789';
    const fresh = await stage.run(hook('preprovision'), DEPLOYED, {
      ...ENV,
      SERVICE_ROUTER_IMAGE_NAME: IMAGE,
      RELEASE_COMMIT: commit,
    });
    expect(kept(fresh)).toMatchObject({ PRODUCTION_LABEL: 'blue', BLUE_REVISION: 'r1', CANARY_PERCENT: '0' });
    expect(kept(fresh)['GREEN_REVISION']).toMatch(/^rabcdef0-[0-9a-f]{6}$/);
    const clone = await stage.run(hook('preprovision'), DEPLOYED, ENV);
    expect(kept(clone)['SERVICE_ROUTER_IMAGE_NAME']).toBe('acr.azurecr.io/router:1');
  });

  it('a revision is named after what it is made of, and nothing else', async () => {
    const suffix = async (answers = DEPLOYED) => {
      const told = await stage.run(hook('preprovision'), answers, {
        ...ENV,
        SERVICE_ROUTER_IMAGE_NAME: IMAGE,
      });
      return kept(told)['REVISION_SUFFIX'];
    };
    const first = await suffix();
    writeFileSync(join(stage.folder, 'infra/workbook.json'), '{}');
    expect(await suffix()).toBe(first);
    expect(await suffix(deployedWith(labelled('blue', 'r8', 0), labelled('green', 'r9', 100)))).toBe(first);
    const others: unknown[] = [];
    writeFileSync(join(stage.folder, 'infra/main.bicep'), '// another one');
    others.push(await suffix());
    writeFileSync(join(stage.folder, 'infra/router.config.azure.yaml'), 'targets: []');
    others.push(await suffix());
    expect(new Set([first, ...others]).size).toBe(3);
  });

  it('a drift check changes nothing', async () => {
    const live = deployedWith(labelled('blue', 'r1', 90), labelled('green', 'r0', 10));
    const told = await stage.run(hook('preprovision'), live, {
      ...ENV,
      ROUTER_DEPLOYMENT: 'as-is',
      SERVICE_ROUTER_IMAGE_NAME: IMAGE,
    });
    expect(kept(told)).toEqual({
      SERVICE_ROUTER_IMAGE_NAME: 'acr.azurecr.io/router:1',
      PRODUCTION_LABEL: 'blue',
      BLUE_REVISION: 'r1',
      GREEN_REVISION: 'r0',
      CANARY_PERCENT: '10',
      REVISION_SUFFIX: 'r1',
      ...{ GATEWAY_PUBLIC_ACCESS: '', BUDGET_START_DATE: '' },
    });
  });

  it('a region that is added leaves the doors of the gateways open once, and the budget begins when it began', async () => {
    const budget = { properties: { timePeriod: { startDate: '2026-09-01T00:00:00Z' } } };
    const gateway = (name: string) => resource('Microsoft.ApiManagement/service', name);
    const told = async (...gateways: string[]) => {
      const live = {
        ...DEPLOYED,
        'az rest': budget,
        'az resource list Microsoft.ApiManagement/service': gateways.map(gateway),
      };
      const { error, ...ran } = await stage.run(hook('preprovision'), live, {
        ...{ ...ENV, AZURE_SECONDARY_LOCATION: 'westeurope', ROUTER_DEPLOYMENT: 'as-is' },
      });
      expect(error).toBe('');
      return kept({ error, ...ran });
    };
    expect(await told('apim')).toMatchObject({
      GATEWAY_PUBLIC_ACCESS: 'true',
      BUDGET_START_DATE: '2026-09-01',
      ...{ SERVICE_ROUTER_IMAGE_NAME: 'acr.azurecr.io/router:1', BLUE_REVISION: 'r1', GREEN_REVISION: '' },
    });
    expect(await told('apim', 'apim-2')).toMatchObject({ GATEWAY_PUBLIC_ACCESS: '' });
    expect(await told()).toMatchObject({ GATEWAY_PUBLIC_ACCESS: '' });
  });

  it('a region is not added by a release of another image', async () => {
    const told = await stage.run(hook('preprovision'), DEPLOYED, {
      ...{ ...ENV, AZURE_SECONDARY_LOCATION: 'westeurope', SERVICE_ROUTER_IMAGE_NAME: IMAGE },
    });
    expect(told).toMatchObject({ code: 1, out: '', error: expect.stringContaining('ROUTER_DEPLOYMENT=as-is') });
    expect(kept(told)).toEqual({});
  });

  it('what is deployed already needs no quota again', async () => {
    const [small, large] = modelDeployments;
    const deployments = [small!, large!].map(({ name, model, version, sku, capacity }) => ({
      name,
      sku: { name: sku, capacity: capacity * 2 },
      properties: { model: { format: 'OpenAI', name: model, version } },
    }));
    const answers = {
      ...EMPTY_SUBSCRIPTION,
      'az bicep build-params': parametersWith([
        { ...small, capacity: 800 },
        { ...large, capacity: 200 },
      ]),
      'az resource list Microsoft.CognitiveServices/accounts': [
        resource('Microsoft.CognitiveServices/accounts', 'oai'),
      ],
      'az cognitiveservices account deployment list': deployments,
    };
    expect(await stage.run(hook('preprovision'), answers, ENV)).toMatchObject({ code: 0, error: '' });
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'AZURE_ENV_NAME',
      { AZURE_ENV_NAME: 'test' },
      'The azd environment is named "test", and there are parameters for dev, staging, prod: azd env new dev',
    ],
    ['API_AUDIENCE', { API_AUDIENCE: '' }, 'API_AUDIENCE is not set; it is the application (client) id'],
    ['API_AUDIENCE', { API_AUDIENCE: 'my api' }, 'API_AUDIENCE is "my api", and must be the application (client) id'],
    ['BUDGET_CONTACTS', { BUDGET_CONTACTS: '' }, 'BUDGET_CONTACTS is "", and must be e-mail addresses'],
    [
      'BUDGET_CONTACTS',
      { BUDGET_CONTACTS: 'a@example.com;b@example.com' },
      'BUDGET_CONTACTS is "a@example.com;b@example.com"',
    ],
    [
      'MONTHLY_BUDGET_USD',
      { MONTHLY_BUDGET_USD: '5,000' },
      'MONTHLY_BUDGET_USD is "5,000", and must be a whole number of dollars, at most 9 digits: azd env set MONTHLY_BUDGET_USD 500',
    ],
    ...['my--router', 'router-', 'r', 'thirteen-char'].map((name): [string, Record<string, string>, string] => [
      'WORKLOAD_NAME',
      { WORKLOAD_NAME: name },
      `WORKLOAD_NAME is "${name}", and must be 2 to 12 lower-case letters`,
    ]),
    ['MONTHLY_BUDGET_USD', { MONTHLY_BUDGET_USD: '5000000000' }, 'MONTHLY_BUDGET_USD is "5000000000", and must be'],
    [
      'AZURE_LOCATION',
      { AZURE_LOCATION: 'Sweden Central' },
      'AZURE_LOCATION is "Sweden Central", and must be the short name of a region',
    ],
    [
      'AZURE_SECONDARY_LOCATION',
      { AZURE_SECONDARY_LOCATION: 'swedencentral' },
      'AZURE_SECONDARY_LOCATION is the first region again',
    ],
    [
      'APIM_PUBLISHER_EMAIL',
      { APIM_PUBLISHER_EMAIL: 'nobody' },
      'APIM_PUBLISHER_EMAIL is "nobody", and must be one e-mail address',
    ],
    [
      'WORKLOAD_NAME',
      { WORKLOAD_NAME: 'LLM_Router' },
      'WORKLOAD_NAME is "LLM_Router", and must be 2 to 12 lower-case letters',
    ],
  ])('a wrong %s is told before Azure is asked', async (_, env, sentence) => {
    const told = await stage.run(hook('preprovision'), EMPTY_SUBSCRIPTION, { ...ENV, ...env });
    expect(told).toMatchObject({ code: 1, calls: [], out: '' });
    expect(told.error.split('\n')).toEqual([expect.stringContaining(sentence), '']);
  });

  const unregistered = providers.map((one) =>
    one.namespace === 'Microsoft.App' ? { ...one, registrationState: 'NotRegistered' } : one,
  );
  const asking = (change: object) => parametersWith([{ ...modelDeployments[0], ...change }]);
  it.each<[string, Record<string, unknown>, Record<string, string>, string]>([
    [
      'az is signed out',
      { 'az account show': failing("ERROR: Please run 'az login' to setup account.") },
      {},
      'az is not signed in: run `az login`.',
    ],
    [
      'azd is signed out',
      { 'azd env set': failing('ERROR: not logged in, run `azd auth login` to login') },
      {},
      'azd is not signed in: run `azd auth login`.',
    ],
    [
      'another subscription',
      {},
      { AZURE_SUBSCRIPTION_ID: TENANT },
      `az uses the subscription "Platform" (${SUBSCRIPTION}), and this environment is for ${TENANT}: az account set --subscription ${TENANT}`,
    ],
    [
      'another tenant',
      {},
      { AZURE_TENANT_ID: SUBSCRIPTION },
      `az is signed in to tenant ${TENANT}, not ${SUBSCRIPTION}: az login --tenant ${SUBSCRIPTION}`,
    ],
    [
      'a disabled subscription',
      { 'az account show': { ...account, state: 'Disabled' } },
      {},
      'The subscription "Platform" is Disabled, so nothing can be created in it',
    ],
    [
      'a provider that is not registered',
      { 'az provider list': unregistered },
      {},
      'The resource provider Microsoft.App is not registered: az provider register --namespace Microsoft.App --wait',
    ],
    ['a region that is none', {}, { AZURE_LOCATION: 'atlantis' }, 'The subscription has no region "atlantis"'],
    [
      'a region without Redis',
      {},
      { AZURE_LOCATION: 'westcentralus' },
      'westcentralus has no Azure Managed Redis: take another region',
    ],
    [
      'a second region without Redis',
      {},
      { AZURE_SECONDARY_LOCATION: 'westcentralus' },
      'westcentralus has no Azure Managed Redis',
    ],
    [
      'prod in a region without zones',
      {},
      { AZURE_ENV_NAME: 'prod', AZURE_LOCATION: 'malaysiawest' },
      'malaysiawest has no availability zones, which prod needs',
    ],
    [
      'a model that the region lacks',
      { 'az bicep build-params': asking({ model: 'gpt-9' }) },
      {},
      'swedencentral has no model gpt-9 (deployment gpt-small): change openAiDeployments',
    ],
    [
      'a version that the region lacks',
      { 'az bicep build-params': asking({ version: '2031-01-01' }) },
      {},
      'swedencentral has gpt-5-mini in version 2025-08-07, not 2031-01-01',
    ],
    [
      'a SKU that the region lacks',
      { 'az bicep build-params': asking({ sku: 'Standard' }) },
      {},
      'swedencentral has gpt-5-mini 2025-08-07 as GlobalStandard, DataZoneStandard, not as Standard',
    ],
    [
      'too little quota',
      { 'az bicep build-params': asking({ capacity: 401 }) },
      {},
      'swedencentral has 400 units left of the quota OpenAI.GlobalStandard.gpt-5-mini, and 401 more are needed: lower the capacity',
    ],
    [
      'too many environments',
      { 'az containerapp list-usages': [usage('ManagedEnvironmentCount', 50, 50)] },
      {},
      'swedencentral has 50 of 50 Container Apps environments',
    ],
    [
      'parameters that do not compile',
      { 'az bicep build-params': failing('ERROR: main.bicepparam(3,1) : Error BCP258: a parameter is missing') },
      {},
      '`az bicep build-params` failed: main.bicepparam(3,1) : Error BCP258',
    ],
    [
      'an old az',
      {
        'az containerapp list-usages': failing(
          "ERROR: 'list-usages' is misspelled or not recognized by the system.",
          2,
        ),
      },
      {},
      '`az containerapp list-usages` failed: ',
    ],
  ])('%s ends it with one sentence', async (_, answers, env, sentence) => {
    const told = await stage.run(hook('preprovision'), { ...EMPTY_SUBSCRIPTION, ...answers }, { ...ENV, ...env });
    expect(told).toMatchObject({ code: 1, out: '' });
    expect(told.error.trimEnd().split('\n')).toEqual([expect.stringContaining(sentence)]);
    expect(kept(told)).not.toHaveProperty('REVISION_SUFFIX');
  });

  it('no room for a second revision, and an unfinished canary, end it too', async () => {
    const place = {
      'az resource list Microsoft.App/managedEnvironments': [resource('Microsoft.App/managedEnvironments', 'cae')],
    };
    const full = {
      ...place,
      'az containerapp env list-usages': { value: [usage('ManagedEnvironmentConsumptionCores', 90, 100)] },
    };
    const cores = await stage.run(hook('preprovision'), { ...DEPLOYED, ...full }, ENV);
    expect(cores.error).toBe(
      'The environment cae has 10 cores left, and a new revision may use 20: lower maxReplicas, or ask for more in the Azure portal (Quotas, Azure Container Apps).\n',
    );
    const live = deployedWith(labelled('blue', 'r1', 90), labelled('green', 'r0', 10));
    const canary = await stage.run(hook('preprovision'), live, { ...ENV, SERVICE_ROUTER_IMAGE_NAME: IMAGE });
    expect(canary).toMatchObject({ code: 1, error: expect.stringMatching(/^A canary is under way: 10 %/) });
  });

  it('a machine without az is told where to get it', async () => {
    stage.forgetTools();
    expect(await stage.run(hook('preprovision'), {}, ENV)).toMatchObject({
      code: 1,
      error: 'The Azure CLI (az) is not on this machine: install it (https://aka.ms/azure-cli) and run `az login`.\n',
    });
  });

  it('Redis is looked for by its region, however that is written', async () => {
    const named = { ...cache, resourceTypes: [{ resourceType: 'redisEnterprise', locations: ['swedencentral'] }] };
    const answers = { ...EMPTY_SUBSCRIPTION, 'az provider show Microsoft.Cache': named };
    expect(await stage.run(hook('preprovision'), answers, ENV)).toMatchObject({ code: 0 });
  });
});

describe('after azd has provisioned', () => {
  const connection = (name: string, status: string, description: string) => ({
    id: `/apim/privateEndpointConnections/${name}`,
    properties: { privateLinkServiceConnectionState: { status, description } },
  });
  const answers = {
    ...deployedWith(labelled('blue', 'r1', 100), labelled('green', 'r2', 0)),
    'az resource list Microsoft.ApiManagement/service': [resource('Microsoft.ApiManagement/service', 'apim')],
    'az network private-endpoint-connection list': [
      connection('ours', 'Pending', 'router-dev'),
      connection('done', 'Approved', 'router-dev'),
      connection('foreign', 'Pending', 'let me in'),
    ],
    'az network private-endpoint-connection approve': {},
  };

  it('only the waiting connections of this deployment are let in', async () => {
    const told = await stage.run(hook('postprovision'), answers, { ...ENV, GATEWAY_URL: 'https://router.azurefd.net' });
    expect(told).toMatchObject({ code: 0, error: '' });
    const approved = told.calls
      .filter((call) => call.includes('approve'))
      .map((call) => call[call.indexOf('--id') + 1]);
    expect(approved).toEqual(['/apim/privateEndpointConnections/ours']);
    expect(told.out).toContain(
      'The gateway: https://router.azurefd.net\nr2 waits without traffic on the label green. Next: ',
    );
    expect(told.out).toMatch(/release\.mjs promote --suffix r2, and tidy, which ends /);
  });

  it('without an app it says what makes one', async () => {
    const told = await stage.run(hook('postprovision'), EMPTY_SUBSCRIPTION, ENV);
    expect(told).toMatchObject({ code: 0, out: expect.stringContaining('Next: azd publish') });
  });
});

it('azd deploy, which would move all traffic, is refused with what to do instead', async () => {
  const told = await stage.run(hook('predeploy'), {}, ENV);
  expect(told).toMatchObject({ code: 1, calls: [] });
  expect(told.error).toMatch(/all traffic at once\. Use azd publish and azd provision .*docs\/RELEASE\.md/);
});

it('azd publish is for dev alone: elsewhere no push reaches the registry', async () => {
  expect(await stage.run(hook('prepublish'), {}, ENV)).toMatchObject({ code: 0, error: '' });
  const told = await stage.run(hook('prepublish'), {}, { ...ENV, AZURE_ENV_NAME: 'prod' });
  expect(told).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^azd publish cannot reach the registry of prod.*az acr import/),
  });
  expect(await stage.run(hook('prepublish'), {}, {})).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^The azd environment is named "", and there are parameters for dev, staging, prod: /),
  });
});

import { TENANT, appWith, resource, revision, SUBSCRIPTION } from '../azd/recorded/answers.js';
import { Stage } from '../azd/recorded/stage.js';
import { driftOf } from './what-if.mjs';

const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg-llmrouter-staging/providers`;
const APP = `${GROUP}/Microsoft.App/containerApps/ca-llmrouter-staging`;
const change = (resourceId: string, changeType: string, delta: object[] | null = null) => ({
  resourceId,
  changeType,
  delta,
});
const modified = (path: string, before: unknown, after: unknown, propertyChangeType = 'Modify') => ({
  path,
  propertyChangeType,
  before,
  after,
  children: null,
});
const replicas = {
  ...modified('properties.template', null, null),
  children: [modified('scale.maxReplicas', 30, 20)],
};

it('a difference is told by resource, path and both values', () => {
  const printed = {
    changes: [
      change(APP, 'Modify', [replicas, modified('tags.owner', 'me', null, 'Delete')]),
      change(`${GROUP}/Microsoft.Cache/redisEnterprise/redis/databases/default`, 'Create'),
      change(`${GROUP}/Microsoft.Storage/storageAccounts/byhand`, 'Delete'),
    ],
  };
  expect(driftOf(printed)).toEqual([
    'microsoft.app/containerapps ca-llmrouter-staging: properties.template.scale.maxReplicas is 30, the template says 20',
    'microsoft.app/containerapps ca-llmrouter-staging: tags.owner is "me", the template says nothing',
    'microsoft.cache/redisenterprise/databases default is missing',
    'microsoft.storage/storageaccounts byhand is in no template',
  ]);
});

it.each([
  ['nothing', change(APP, 'NoChange')],
  ['what is not ours', change(APP, 'Ignore')],
  ['a state', change(APP, 'Modify', [modified('properties.provisioningState', 'Succeeded', null)])],
  ['another spelling', change(APP, 'Modify', [modified('location', 'Sweden Central', 'swedencentral')])],
  [
    'a day as its first moment',
    change(APP, 'Modify', [modified('properties.timePeriod.startDate', '2026-12-01T00:00:00Z', '2026-12-01')]),
  ],
  [
    'a reference that what-if does not follow',
    change(APP, 'Modify', [modified('properties.environmentId', '/x', "[reference('env').id]")]),
  ],
  ['no effect', change(APP, 'Modify', [modified('properties.x', 1, 2, 'NoEffect')])],
  ['a card of a private endpoint', change(`${GROUP}/Microsoft.Network/networkInterfaces/pe.nic.1`, 'Delete')],
])('%s is no drift', (_, one) => {
  expect(driftOf({ changes: [one] })).toEqual([]);
});

it('another day is drift', () => {
  const startDate = modified('properties.timePeriod.startDate', '2026-11-01T00:00:00Z', '2026-12-01');
  expect(driftOf({ changes: [change(APP, 'Modify', [startDate])] })).toHaveLength(1);
});

describe('the command', () => {
  let stage: Stage;
  beforeEach(() => (stage = new Stage()));
  afterEach(() => stage.remove());
  const NAME = 'ca-llmrouter-staging';
  const env = {
    AZURE_ENV_NAME: 'staging',
    AZURE_LOCATION: 'swedencentral',
    AZURE_SUBSCRIPTION_ID: SUBSCRIPTION,
    API_AUDIENCE: TENANT,
    APIM_PUBLISHER_EMAIL: 'platform@example.com',
    BUDGET_CONTACTS: 'a@example.com',
  };
  const traffic = [{ label: 'blue', revisionName: `${NAME}--r1`, weight: 100 }];
  const answers = (changes: object[]) => ({
    'az resource list': [resource('Microsoft.App/containerApps', NAME, 'swedencentral', { 'azd-env-name': 'staging' })],
    'az containerapp show': appWith(traffic, undefined, undefined, NAME),
    'az containerapp revision list': [revision(`${NAME}--r1`)],
    'az rest': { properties: { timePeriod: { startDate: '2026-09-01T00:00:00Z' } } },
    'az deployment sub what-if': { status: 'Succeeded', changes },
  });
  const run = (changes: object[], more = {}) =>
    stage.run('node tools/release/drift.mjs --summary s.md', answers(changes), { ...env, ...more });

  it('ends well where nothing differs', async () => {
    const told = await run([change(APP, 'NoChange')]);
    expect(told).toMatchObject({ code: 0, out: 'Nothing differs.\n', error: '' });
    expect(stage.read('infra/main.bicepparam')).toContain('// staging');
  });

  it('fails with the list, and keeps it', async () => {
    const told = await run([change(APP, 'Modify', [replicas])]);
    expect(told).toMatchObject({ code: 1, out: expect.stringContaining('maxReplicas is 30') });
    expect(stage.read('s.md')).toMatch(/^### Drift of staging\n\n- .*maxReplicas is 30, the template says 20\n$/);
  });

  it('compares with the month in which the budget began', async () => {
    await run([change(APP, 'NoChange')]);
    expect(JSON.parse(stage.read('calls.environment')!)).toMatchObject({
      BUDGET_START_DATE: '2026-09-01',
      BLUE_REVISION: 'r1',
    });
  });

  it('says which value is missing', async () => {
    expect(await run([], { API_AUDIENCE: '' })).toMatchObject({
      code: 1,
      error: expect.stringContaining('API_AUDIENCE is not set'),
    });
  });
});

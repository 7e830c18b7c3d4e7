import { at, every, has, list, ofType, prod, closed, same, withApp, type Rule } from './rule.js';
import type { Deployment, Resource } from './deployment.js';

const APP = 'Microsoft.App/containerApps';
const ENVIRONMENT = 'Microsoft.App/managedEnvironments';
const CONTAINER = 'properties.template.containers.0';
const TRAFFIC = 'properties.configuration.ingress.traffic';
const PORT = 8080;
/** Of the values of variables: a connection string that signs in by itself is none. */
const SECRET_NAME = /KEY|SECRET|PASSWORD|TOKEN/;
/** A user with a password in an address, or a key in a connection string, also inside of an expression. */
const SECRET_VALUE = /:\/\/[^/'\s]*:[^/'\s{}]+@|AccountKey=|SharedAccessKey=|[?&;]sig=|password=/i;

interface Weight {
  readonly revisionName?: string;
  readonly label?: string;
  readonly latestRevision?: boolean;
  readonly weight: number;
}

const trafficOf = (app: Resource): Weight[] => list(app, TRAFFIC) as Weight[];
const scaleRule = (app: Resource, name: string): unknown =>
  list(app, 'properties.template.scale.rules').find((rule) => at(rule, 'name') === name);
const probe = (app: Resource, type: string): unknown =>
  list(app, `${CONTAINER}.probes`).find((entry) => at(entry, 'type') === type);
const probes = (type: string, path: string, says: string): Rule =>
  every(
    APP,
    says,
    (app) =>
      same(at(probe(app, type), 'httpGet'), { path, port: PORT }) &&
      Number(at(probe(app, type), 'timeoutSeconds')) >= 1,
    withApp,
  );
const variables = (app: Resource): { readonly name: string; readonly value?: string; readonly secretRef?: string }[] =>
  list(app, `${CONTAINER}.env`) as { name: string; value?: string; secretRef?: string }[];
/** `label:suffix:weight` of every entry. */
const spread = (app: Resource): string =>
  trafficOf(app)
    .map(({ label, revisionName, weight }) => `${label}:${revisionName?.replace(`${app.name}--`, '')}:${weight}`)
    .join(' ');
const named = (name: string) => (deployment: Deployment) => deployment.name === name;

export const APP_RULES: readonly Rule[] = [
  every(APP, 'at least 2 replicas run', (app) => at(app, 'properties.template.scale.minReplicas') === 2, withApp),
  every(
    APP,
    'production has 20 replicas at most, other environments no more',
    (app, { environment }) => {
      const most = Number(at(app, 'properties.template.scale.maxReplicas'));
      return environment === 'prod' ? most === 20 : most >= 2 && most <= 20;
    },
    withApp,
  ),
  every(
    APP,
    'another replica is started at 50 requests in flight for each',
    (app) => same(at(scaleRule(app, 'http-rule'), 'http.metadata'), { concurrentRequests: '50' }),
    withApp,
  ),
  every(
    APP,
    'another replica is started at 70 % of the CPU, as a utilization',
    (app) =>
      same(at(scaleRule(app, 'cpu-rule'), 'custom'), { type: 'cpu', metadata: { type: 'Utilization', value: '70' } }),
    withApp,
  ),
  probes('Startup', '/health', 'the startup probe asks /health on port 8080'),
  probes('Liveness', '/health', 'the liveness probe asks /health on port 8080, which touches no store'),
  probes('Readiness', '/ready', 'the readiness probe asks /ready on port 8080'),
  has(
    APP,
    'a replica has 60 s to drain before it is killed',
    { 'properties.template.terminationGracePeriodSeconds': 60 },
    withApp,
  ),
  has(
    APP,
    'several revisions run at once, and old ones are kept for a rollback',
    { 'properties.configuration.activeRevisionsMode': 'Multiple', 'properties.configuration.maxInactiveRevisions': 10 },
    withApp,
  ),
  every(
    APP,
    'traffic goes to revisions by their names, each with a label, never to the latest; the weights are 100 together',
    (app) =>
      trafficOf(app).length > 0 &&
      trafficOf(app).every(
        ({ revisionName, label, latestRevision }) =>
          revisionName?.startsWith(`${app.name}--`) === true && label !== undefined && latestRevision === false,
      ) &&
      trafficOf(app).reduce((sum, { weight }) => sum + weight, 0) === 100,
    withApp,
  ),
  every(
    APP,
    'the first revision is blue and gets everything',
    (app) => trafficOf(app).length === 1 && spread(app).startsWith('blue:') && spread(app).endsWith(':100'),
    named('prod'),
  ),
  every(
    APP,
    'a new revision waits under the other label, at 0 %',
    (app) => spread(app) === 'blue:old:100 green:new:0',
    named('new revision'),
  ),
  every(
    APP,
    'a canary gets what is asked for, under its label',
    (app) => spread(app) === 'green:old:90 blue:new:10',
    named('canary of blue'),
  ),
  every(
    APP,
    'a revision has a name of its own, and traffic can be given to it',
    (app) => {
      const suffix = String(at(app, 'properties.template.revisionSuffix'));
      return /^[a-z][a-z0-9-]*[a-z0-9]$/.test(suffix) && `${app.name}--${suffix}`.length <= 54;
    },
    withApp,
  ),
  has(
    APP,
    'the app listens on 8080, to HTTPS alone, and sticks no caller to a replica',
    {
      'properties.configuration.ingress.targetPort': PORT,
      'properties.configuration.ingress.allowInsecure': false,
      'properties.configuration.ingress.stickySessions.affinity': 'none',
    },
    withApp,
  ),
  every(
    APP,
    'the app has one door and starts as its image says',
    (app) =>
      at(app, 'properties.configuration.ingress.additionalPortMappings') === undefined &&
      at(app, 'properties.configuration.ingress.corsPolicy') === undefined &&
      at(app, `${CONTAINER}.command`) === undefined &&
      at(app, `${CONTAINER}.args`) === undefined &&
      list(app, 'properties.template.containers').length === 1,
    withApp,
  ),
  every(
    APP,
    'the app has one identity, assigned to it, and no password for the registry',
    (app) =>
      at(app, 'identity.type') === 'UserAssigned' &&
      Object.keys(at(app, 'identity.userAssignedIdentities') ?? {}).length === 1 &&
      list(app, 'properties.configuration.registries').every(
        (registry) => at(registry, 'identity') !== undefined && at(registry, 'passwordSecretRef') === undefined,
      ),
    withApp,
  ),
  every(
    APP,
    'secrets are read from the vault with the identity',
    (app) =>
      list(app, 'properties.configuration.secrets').every(
        (secret) => at(secret, 'value') === undefined && at(secret, 'keyVaultUrl') !== undefined,
      ) &&
      variables(app).every(
        ({ name, value }) => value === undefined || !(SECRET_NAME.test(name) || SECRET_VALUE.test(value)),
      ),
    withApp,
  ),
  every(
    APP,
    'Azure Monitor is signed in to, too',
    (app) => {
      const value = variables(app).find(({ name }) => name === 'APPLICATIONINSIGHTS_CONNECTION_STRING')?.value ?? '';
      return value.includes('Authorization=AAD;ClientId=');
    },
    withApp,
  ),
  every(
    APP,
    'memory is 2 GiB for each core, and production has a whole one',
    (app, deployment) => {
      const cpu = Number(at(app, `${CONTAINER}.resources.cpu`));
      const memory = Number.parseFloat(String(at(app, `${CONTAINER}.resources.memory`)));
      return memory === 2 * cpu && cpu >= (prod(deployment) ? 1 : 0.5);
    },
    withApp,
  ),
  {
    says: 'azd finds the app by its tag, which one of them has',
    type: APP,
    in: withApp,
    broken: (deployment) => {
      const tagged = ofType(deployment, APP).filter((app) => at(app, 'tags.azd-service-name') === 'router');
      return tagged.length === 1 ? [] : [`${tagged.length} of them`];
    },
  },
  {
    says: 'there is no app before there is an image, and one in each region afterwards',
    type: APP,
    broken: (deployment) => {
      const wanted = withApp(deployment) ? ofType(deployment, ENVIRONMENT).length : 0;
      const found = ofType(deployment, APP).length;
      return found === wanted ? [] : [`${found} apps instead of ${wanted}`];
    },
  },
  every(
    ENVIRONMENT,
    'replicas run on workload profiles, in a network of ours, with logs that need no key',
    (environment) =>
      same(list(environment, 'properties.workloadProfiles')[0], {
        name: 'Consumption',
        workloadProfileType: 'Consumption',
      }) &&
      at(environment, 'properties.vnetConfiguration.infrastructureSubnetId') !== undefined &&
      at(environment, 'properties.appLogsConfiguration.destination') === 'azure-monitor',
  ),
  has(ENVIRONMENT, 'production is spread over zones', { 'properties.zoneRedundant': true }, prod),
  has(
    ENVIRONMENT,
    'the environment is internal in staging and prod',
    { 'properties.vnetConfiguration.internal': true, 'properties.publicNetworkAccess': 'Disabled' },
    closed,
  ),
];

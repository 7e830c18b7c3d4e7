import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkConfig } from '../../../src/common/config/check-config.js';
import type { Deployment, Resource } from './deployment.js';
import { list, ofType, withApp, type Rule } from './rule.js';

const APP = 'Microsoft.App/containerApps';
const CONFIGURATION = 'router.config.azure.yaml';
/** `${NAME}` and `${NAME:-default}`, but not `$${`. */
const READ = /(?<!\$)\$\{([A-Z][A-Z0-9_]*)(?::-[^}]*)?\}/g;
/** What is read by others than the file: which file it is, and @azure/identity. */
const READ_ELSEWHERE = new Set(['ROUTER_CONFIG', 'AZURE_CLIENT_ID']);
const ID = '00000000-0000-0000-0000-000000000003';
/** What Azure alone can tell, as it looks: the value of a variable that is an expression in the template. */
const AS_AZURE_SAYS: Readonly<Record<string, string>> = {
  AZURE_CLIENT_ID: ID,
  REDIS_URL: 'rediss://router-redis.swedencentral.redis.azure.net:10000',
  COSMOS_ENDPOINT: 'https://router-cosmos.documents.azure.com:443/',
  TABLES_ENDPOINT: 'https://router.table.core.windows.net/',
  AZURE_OPENAI_ENDPOINT: 'https://router-openai.openai.azure.com/',
  APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=${ID};IngestionEndpoint=https://swedencentral-1.in.applicationinsights.azure.com/;Authorization=AAD;ClientId=${ID}`,
};

type Variables = readonly { readonly name: string; readonly value?: string }[];

const variablesOf = (app: Resource): Variables =>
  list(app, 'properties.template.containers.0.env') as unknown as Variables;

/** The names that the configuration reads; comments are none. */
export function namesRead(root: string): Set<string> {
  const text = readFileSync(join(root, 'infra', CONFIGURATION), 'utf8').replace(/(^|\s)#.*$/gm, '');
  return new Set([...text.matchAll(READ)].map(([, name = '']) => name));
}

/** The environment of a replica, with stand-ins for what only Azure can tell. */
function environmentOf(app: Resource, root: string): NodeJS.ProcessEnv {
  const pairs = variablesOf(app).map(({ name, value = '' }) => [
    name,
    name === 'ROUTER_CONFIG' ? join(root, 'infra', CONFIGURATION) : value.startsWith('[') ? AS_AZURE_SAYS[name] : value,
  ]);
  return Object.fromEntries(pairs) as NodeJS.ProcessEnv;
}

/** The rule about one app of a deployment, for each. */
const ofApps = (says: string, broken: (app: Resource, deployment: Deployment) => string[]): Rule => ({
  says,
  type: APP,
  in: withApp,
  broken: (deployment) => ofType(deployment, APP).flatMap((app) => broken(app, deployment)),
});

export const CONFIGURATION_RULES: readonly Rule[] = [
  ofApps('the configuration reads each variable that the app has', (app, { root }) => {
    const read = namesRead(root);
    return variablesOf(app)
      .map(({ name }) => name)
      .filter((name) => !read.has(name) && !READ_ELSEWHERE.has(name));
  }),
  ofApps('the app has each variable that the configuration reads', (app, { root }) => {
    const set = new Set(variablesOf(app).map(({ name }) => name));
    return [...namesRead(root), ...READ_ELSEWHERE].filter((name) => !set.has(name));
  }),
  ofApps('the configuration is valid with these variables', (app, { root }) => {
    const { exitCode, lines } = checkConfig({ env: environmentOf(app, root), cwd: root });
    return exitCode === 0 ? [] : lines;
  }),
];

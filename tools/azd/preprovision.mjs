// Hook of azd, before every `azd provision` (azure.yaml): says early and in one sentence what would fail late, and gives the
// template the traffic as it is, so that no deployment moves any. Plain JavaScript without packages, for Node 18 and later.
import { readApps } from '../release/apps.mjs';
import { liveParameters, releaseParameters, revisionSuffix } from '../release/traffic.mjs';
import { AzureCli, Refusal, told } from './azure-cli.mjs';
import {
  accountProblems,
  coreQuotaProblems,
  deployed,
  environmentProblems,
  environmentQuotaProblems,
  modelProblems,
  modelQuotaProblems,
  providerProblems,
  regionProblems,
} from './checks.mjs';
import { onceValues } from './once-values.mjs';
import { chooseParameterFile, ingredientsOf, PARAMETER_FILE, parameterValues } from './parameters.mjs';

/** All of a kind at once: one round for a person, not one a value. @throws Refusal */
function refuse(problems) {
  if (problems.length > 0) throw new Refusal(problems.join('\n'));
}

const ofEnvironment = (resources, env) =>
  resources.filter(
    ({ tags, location }) => tags?.['azd-env-name'] === env.AZURE_ENV_NAME && location === env.AZURE_LOCATION,
  );

/** The model deployments that are in this region already. */
async function existingDeployments(az, env) {
  const accounts = await az.json('resource', 'list', '--resource-type', 'Microsoft.CognitiveServices/accounts');
  const lists = await Promise.all(
    ofEnvironment(accounts, env).map(({ name, resourceGroup }) =>
      az.find('cognitiveservices', 'account', 'deployment', 'list', '-n', name, '-g', resourceGroup),
    ),
  );
  return deployed(lists.flatMap((list) => list ?? []));
}

async function modelsAreThere(az, env, { openAiDeployments = [] }) {
  const location = env.AZURE_LOCATION;
  const [models, usages, existing] = await Promise.all([
    az.json('cognitiveservices', 'model', 'list', '-l', location),
    az.json('cognitiveservices', 'usage', 'list', '-l', location),
    existingDeployments(az, env),
  ]);
  refuse(modelProblems(openAiDeployments, models, location));
  refuse(modelQuotaProblems(openAiDeployments, existing, models, usages, location));
}

async function coresAreThere(az, env, apps, { maxReplicas = 20 }) {
  if (apps.length === 0)
    return refuse(
      environmentQuotaProblems(
        await az.json('containerapp', 'list-usages', '-l', env.AZURE_LOCATION),
        env.AZURE_LOCATION,
      ),
    );
  const places = await az.json('resource', 'list', '--resource-type', 'Microsoft.App/managedEnvironments');
  for (const { name, resourceGroup } of ofEnvironment(places, env)) {
    const usages = await az.find('containerapp', 'env', 'list-usages', '-n', name, '-g', resourceGroup);
    refuse(coreQuotaProblems(usages ?? [], apps[0].cpu * maxReplicas, name));
  }
}

async function accountAndRegion(az, env) {
  refuse(accountProblems(await az.json('account', 'show'), env));
  const [providers, locations, cache] = await Promise.all([
    az.json('provider', 'list'),
    az.json('account', 'list-locations'),
    az.json('provider', 'show', '--namespace', 'Microsoft.Cache'),
  ]);
  refuse(providerProblems(providers));
  const regions = [env.AZURE_LOCATION, env.AZURE_SECONDARY_LOCATION].filter(Boolean);
  refuse(regions.flatMap((region) => regionProblems(region, env.AZURE_ENV_NAME, locations, cache)));
}

/** Image, labels and weights that the template gets. */
function trafficValues(env, apps, values) {
  const live = apps[0]?.image ?? '';
  const image = env.SERVICE_ROUTER_IMAGE_NAME || live; // a fresh clone knows none; without it the app would be left out
  const asIs = env.ROUTER_DEPLOYMENT === 'as-is';
  const regions = env.AZURE_SECONDARY_LOCATION ? 2 : 1;
  if (asIs || image === '') return { SERVICE_ROUTER_IMAGE_NAME: asIs ? live : image, ...liveParameters(apps, regions) };
  const suffix = revisionSuffix(env.RELEASE_COMMIT ?? '', ingredientsOf(image, values));
  return { SERVICE_ROUTER_IMAGE_NAME: image, ...releaseParameters(apps, suffix, image, regions) };
}

await told(async () => {
  const az = new AzureCli();
  const { env } = process;
  refuse(environmentProblems(env));
  const file = chooseParameterFile(env.AZURE_ENV_NAME);
  await accountAndRegion(az, env);
  const apps = await readApps(az, env);
  const values = parameterValues(await az.json('bicep', 'build-params', '--file', PARAMETER_FILE, '--stdout'));
  await modelsAreThere(az, env, values);
  await coresAreThere(az, env, apps, values);
  const traffic = trafficValues(env, apps, values);
  await az.keep({ ...traffic, ...(await onceValues(az, env)) });
  const { PRODUCTION_LABEL: production, BLUE_REVISION: blue, GREEN_REVISION: green, CANARY_PERCENT: canary } = traffic;
  process.stdout.write(
    `Parameters of ${file}. Production stays ${production}; blue ${blue || 'none'}, green ${green || 'none'}, ${canary} % canary.\n`,
  );
});

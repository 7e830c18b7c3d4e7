// Where the apps of an environment are, and how they stand. Plain JavaScript without packages, as the hooks of azd.
import { Refusal } from '../azd/azure-cli.mjs';
import { readApp } from './standing.mjs';

const place = (location) => location.toLowerCase().replaceAll(' ', '');

/**
 * Where the apps are that carry the tags of this environment, that of the first region first. None before the first deployment.
 *
 * @param az an AzureCli
 * @param env AZURE_ENV_NAME, AZURE_LOCATION
 */
export async function listApps(az, env) {
  const listed = await az.json('resource', 'list', '--resource-type', 'Microsoft.App/containerApps');
  // azd-service-name would not do: azd wants one resource with it, so the app of a second region has another.
  const ours = listed.filter(({ tags }) => tags?.['azd-env-name'] === env.AZURE_ENV_NAME);
  const first = place(env.AZURE_LOCATION ?? '');
  ours.sort((a, b) => Number(place(b.location) === first) - Number(place(a.location) === first));
  if (ours.length > 2)
    throw new Refusal(
      `${ours.length} apps carry the tag azd-env-name=${env.AZURE_ENV_NAME} (${ours.map(({ name }) => name).join(', ')}): an environment has one a region, at most two; use another environment name or subscription.`,
    );
  return ours;
}

/**
 * How one of them stands; `null` where it is listed and not there any more.
 *
 * @param read readApp, or readLabels where that is enough
 */
export async function findApp(az, { name, resourceGroup }, read) {
  const at = ['-n', name, '-g', resourceGroup];
  const [app, revisions] = await Promise.all([
    az.find('containerapp', 'show', ...at),
    az.find('containerapp', 'revision', 'list', ...at, '--all'),
  ]);
  return app && read(app, revisions ?? []);
}

/** How all of them stand. @throws Refusal where one is not reached, or nobody can say which label is production */
export async function readApps(az, env) {
  const apps = [];
  for (const one of await listApps(az, env)) apps.push(await findApp(az, one, readApp));
  return apps.filter(Boolean);
}

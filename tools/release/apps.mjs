// Where the apps of an environment are, and how they stand. Plain JavaScript without packages, as the hooks of azd.
import { Refusal } from '../azd/azure-cli.mjs';
import { readApp } from './traffic.mjs';

const place = (location) => location.toLowerCase().replaceAll(' ', '');

/**
 * The apps that carry the tags of this environment, that of the first region first. None before the first deployment.
 *
 * @param az an AzureCli
 * @param env AZURE_ENV_NAME, AZURE_LOCATION
 */
export async function readApps(az, env) {
  const listed = await az.json('resource', 'list', '--resource-type', 'Microsoft.App/containerApps');
  // azd-service-name would not do: azd wants one resource with it, so the app of a second region has another.
  const ours = listed.filter(({ tags }) => tags?.['azd-env-name'] === env.AZURE_ENV_NAME);
  const first = place(env.AZURE_LOCATION ?? '');
  ours.sort((a, b) => Number(place(b.location) === first) - Number(place(a.location) === first));
  if (ours.length > 2)
    throw new Refusal(
      `${ours.length} apps carry the tag azd-env-name=${env.AZURE_ENV_NAME} (${ours.map(({ name }) => name).join(', ')}): an environment has one a region, at most two; use another environment name or subscription.`,
    );
  const apps = [];
  for (const { name, resourceGroup } of ours) {
    const at = ['-n', name, '-g', resourceGroup];
    const [app, revisions] = await Promise.all([
      az.find('containerapp', 'show', ...at),
      az.find('containerapp', 'revision', 'list', ...at, '--all'),
    ]);
    if (app) apps.push(readApp(app, revisions ?? []));
  }
  return apps;
}

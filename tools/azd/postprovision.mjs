// Hook of azd, after every `azd provision` (azure.yaml): lets the private endpoints of this deployment in, and says where it is
// and what comes next. Running it again changes nothing. Plain JavaScript without packages, for Node 18 and later.
import { readApps } from '../release/apps.mjs';
import { AzureCli, told } from './azure-cli.mjs';
import { nextStep, pendingConnections } from './endpoints.mjs';

/** Those that others ask to be connected to: Front Door's private links end here. */
const TARGETS = ['Microsoft.ApiManagement/service', 'Microsoft.App/managedEnvironments'];

async function approvePending(az, env) {
  const resources = (
    await Promise.all(TARGETS.map((type) => az.json('resource', 'list', '--resource-type', type)))
  ).flat();
  const ours = resources.filter(({ tags }) => tags?.['azd-env-name'] === env.AZURE_ENV_NAME);
  for (const { id, name } of ours) {
    const listed = (await az.find('network', 'private-endpoint-connection', 'list', '--id', id)) ?? [];
    for (const connection of pendingConnections(listed, env.AZURE_ENV_NAME)) {
      await az.json(
        ...['network', 'private-endpoint-connection', 'approve', '--id', connection],
        ...['--description', 'Front Door of this deployment'],
      );
      process.stdout.write(`Approved a private endpoint connection of ${name}.\n`);
    }
  }
}

await told(async () => {
  const az = new AzureCli();
  await approvePending(az, process.env);
  process.stdout.write(`${nextStep(process.env, await readApps(az, process.env))}\n`);
});

// What is left to do after a deployment. Pure; plain JavaScript without packages.

/** The request message that infra/modules gives Front Door's private links: nobody else's is let in. */
export const requestMessage = (environment) => `router-${environment}`;

/**
 * The ids of the connections that wait and are of this deployment.
 *
 * @param listed of `az network private-endpoint-connection list`
 */
export const pendingConnections = (listed, environment) =>
  listed
    .filter(({ properties }) => {
      const { status, description } = properties.privateLinkServiceConnectionState ?? {};
      return status === 'Pending' && (description ?? '').includes(requestMessage(environment));
    })
    .map(({ id }) => id);

/** One sentence or two for the one who has just deployed. @param apps of readApps */
export function nextStep(env, apps) {
  if (apps.length === 0)
    return 'Everything but the app is there. Next: azd publish, then azd provision again (azd up does all three).';
  const [{ idle, suffixes, weights }] = apps;
  const gateway = env.GATEWAY_URL ? `The gateway: ${env.GATEWAY_URL}` : 'The gateway has no address yet.';
  if (env.GATEWAY_PUBLIC_ACCESS === 'true')
    return `${gateway}\nThe gateway of the new region has a private endpoint now. Next: azd provision once more, which closes the gateways' doors to the internet.`;
  const waiting = suffixes[idle];
  if (waiting === '') return gateway;
  return weights[idle] > 0
    ? `${gateway}\nA canary is under way: node tools/release/release.mjs promote --suffix ${waiting} (or rollback).`
    : `${gateway}\n${waiting} waits without traffic on the label ${idle}. Next: node tools/release/smoke.mjs --label ${idle}, then node tools/release/release.mjs promote --suffix ${waiting}, and tidy, which ends the revision that has no label any more and costs (docs/RELEASE.md).`;
}

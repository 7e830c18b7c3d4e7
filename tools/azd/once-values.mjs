// Asked of Azure before every provision and every comparison. Plain JavaScript without packages, for Node 18 and later.

/**
 * What Azure lets be said once: the budget begins when it began, and a gateway that is not there yet cannot be made without
 * its door to the internet. An empty value leaves it to the template.
 */
export async function onceValues(az, env) {
  const gateways = await az.json('resource', 'list', '--resource-type', 'Microsoft.ApiManagement/service');
  const own = gateways.filter(({ tags }) => tags?.['azd-env-name'] === env.AZURE_ENV_NAME);
  const regions = env.AZURE_SECONDARY_LOCATION ? 2 : 1;
  const budget = `${env.WORKLOAD_NAME || 'router'}-${env.AZURE_ENV_NAME}-monthly`;
  const url = `/subscriptions/${env.AZURE_SUBSCRIPTION_ID}/providers/Microsoft.Consumption/budgets/${budget}?api-version=2024-08-01`;
  const live = await az.find('rest', '--method', 'get', '--url', url);
  return {
    GATEWAY_PUBLIC_ACCESS: own.length > 0 && own.length < regions ? 'true' : '',
    BUDGET_START_DATE: (live?.properties?.timePeriod?.startDate ?? '').slice(0, 'yyyy-MM-dd'.length),
  };
}

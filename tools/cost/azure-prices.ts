/** One list price in USD, pay as you go, of a region that costs what East US 2 or Sweden Central do. */
export interface ListPrice {
  readonly usd: number;
  readonly unit: string;
  /** Where it was read, or why it is believed. */
  readonly source: string;
  /** It stands on the page that `source` names. None of these is a page of Microsoft's price list, which could not be read. */
  readonly confirmed: boolean;
}

/** The day on which the pages were read. */
export const PRICES_DATE = '2026-11-27';
export const PRICES_REGION = 'Sweden Central or East US 2';

const read = (usd: number, unit: string, source: string): ListPrice => ({ usd, unit, source, confirmed: true });
const believed = (usd: number, unit: string, source = 'remembered, on no page that could be read'): ListPrice => ({
  ...{ usd, unit, source, confirmed: false },
});

const CONTAINER_APPS =
  'https://dotnetpower.github.io/elb-dashboard/features_change/2026-05/2026-05-14-container-app-sizing-and-cost-estimate/';
const CENTRAL_US =
  'https://techcommunity.microsoft.com/blog/appsonazureblog/understanding-idle-usage-in-azure-container-apps/4419197';
const GRANT = 'https://learn.microsoft.com/azure/container-apps/billing';
const FRONT_DOOR = 'https://blog.cdnsun.com/microsoft-azure-front-door-pricing/';
const COSMOS = 'https://c3x.dev/resources/azure/azurerm_cosmosdb_account';
const COSMOS_AUTOSCALE = 'https://cloud-horizons.com/blog/cosmos-db-the-rus-vs-storage-tradeoff/';
const COSMOS_RESERVED =
  'https://docs.archera.ai/help-center/cloud-service-intelligence/cloud-service-intelligence/azure/database/cosmos-db';
const LOGS = 'https://monitoringcost.com/azure-monitor-cost';
const REGISTRY = 'https://c3x.dev/resources/azure/azurerm_container_registry';
const PRIVATE_LINK = 'https://c3x.dev/resources/azure/azurerm_private_endpoint/';
const OF_B10 = 'scaled by memory from Balanced B10';
const REDIS_COMPARED = 'said in public repositories that were found by their text alone, without their address';

/** What Azure takes for each thing that `infra/` makes. A share is a part of the price, not USD. */
export const AZURE_PRICES = {
  vCpuActive: read(0.000024, 'vCPU-second, active', CENTRAL_US),
  vCpuIdle: read(0.000003, 'vCPU-second, idle', CONTAINER_APPS),
  memory: read(0.000003, 'GiB-second, active or idle', CONTAINER_APPS),
  appRequests: read(0.4, 'million requests', CONTAINER_APPS),
  vCpuGrant: read(180_000, 'vCPU-seconds free a month and subscription', GRANT),
  memoryGrant: read(360_000, 'GiB-seconds free a month and subscription', GRANT),
  requestGrant: read(2, 'million requests free a month and subscription', GRANT),
  appPlan1: believed(0.15, 'share off by a savings plan for compute of 1 year'),
  appPlan3: believed(0.17, 'share off by a savings plan for compute of 3 years'),
  redisB0: believed(0.02, 'hour of Balanced B0, one node', REDIS_COMPARED),
  redisB1: believed(0.064, 'hour of Balanced B1, two nodes', REDIS_COMPARED),
  redisB3: believed(0.196, 'hour of Balanced B3, two nodes', OF_B10),
  redisB5: believed(0.391, 'hour of Balanced B5, two nodes', OF_B10),
  redisB10: believed(0.782, 'hour of Balanced B10, two nodes', REDIS_COMPARED),
  redisB20: believed(1.564, 'hour of Balanced B20, two nodes', OF_B10),
  redisB50: believed(3.91, 'hour of Balanced B50, two nodes', OF_B10),
  redisReserved1: believed(0.35, 'share off by a reservation of 1 year'),
  redisReserved3: believed(0.55, 'share off by a reservation of 3 years'),
  cosmosServerless: read(0.25, 'million request units, serverless', COSMOS),
  cosmosAutoscale: read(0.012, 'hour of 100 RU/s, autoscale', COSMOS_AUTOSCALE),
  cosmosStorage: read(0.25, 'GB and month', COSMOS),
  cosmosReserved1: read(0.2, 'share off by a reservation of 1 year', COSMOS_RESERVED),
  cosmosReserved3: read(0.3, 'share off by a reservation of 3 years', COSMOS_RESERVED),
  tableStorage: believed(0.045, 'GB and month'),
  tableOperations: believed(0.00036, '10,000 operations'),
  apimBasicV2: believed(150, 'month of a BasicV2 unit', 'remembered; microsoftnegotiations.com says about 210'),
  apimStandardV2: believed(
    700,
    'month of a StandardV2 unit',
    'said in a public repository; microsoftnegotiations.com says about 734',
  ),
  apimExtraRequests: believed(2.5, 'million requests above those of the unit'),
  frontDoorPremium: read(330, 'month', FRONT_DOOR),
  frontDoorRequests: read(0.015, '10,000 requests', FRONT_DOOR),
  frontDoorOut: read(0.083, 'GB to callers, first 10 TB', FRONT_DOOR),
  frontDoorIn: believed(0.02, 'GB from the edge to the origin'),
  registryPremium: read(1.667, 'day and region', REGISTRY),
  registryStandard: read(0.667, 'day', REGISTRY),
  keyVault: read(
    0.03,
    '10,000 operations',
    'https://learn.microsoft.com/en-us/answers/questions/5608202/how-to-correctly-estimate-azure-key-vault-cost',
  ),
  logsAnalytics: read(2.3, 'GB, Analytics logs', LOGS),
  logsBasic: read(0.5, 'GB, Basic logs', LOGS),
  logsGrant: read(5, 'GB free a month and workspace', LOGS),
  logAlert: believed(1.5, 'month of a log alert that looks every 5 minutes'),
  privateEndpoint: read(0.01, 'hour', PRIVATE_LINK),
  privateData: read(0.01, 'GB through a private endpoint', PRIVATE_LINK),
  privateZone: read(0.5, 'month of a private DNS zone', 'https://gigxp.com/?p=7107'),
  loadBalancer: believed(0.03, 'hour of load balancer and address of an environment in a virtual network'),
  betweenRegions: read(
    0.02,
    'GB between regions of a continent',
    'https://oneuptime.com/blog/post/2026-02-16-how-to-reduce-azure-data-transfer-costs-with-private-endpoints-and-service-endpoints/view',
  ),
} as const satisfies Record<string, ListPrice>;

export type PriceName = keyof typeof AZURE_PRICES;
/** USD of one price. */
export const usdOf = (name: PriceName): number => AZURE_PRICES[name].usd;

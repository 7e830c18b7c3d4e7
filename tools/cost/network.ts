import { usdOf } from './azure-prices.js';
import { probesOf, type Load } from './load.js';
import { bytesIn, bytesOut, turnBytes } from './sizes.js';
import { DAYS_A_MONTH, GB, HOURS_A_MONTH, type Workload } from './workload.js';

/** Cosmos DB, Redis, Tables, Azure OpenAI, Key Vault, registry, API Management, Azure Monitor. */
const PRIVATE_ENDPOINTS = 8;
const PRIVATE_ZONES = 13;
/** Requests that a month of one StandardV2 unit has in it, millions, and what a unit takes at once; both remembered. */
const INCLUDED_MILLIONS = { basic: 10, standard: 50 };
const UNIT_REQUESTS_PER_SECOND = 1_000;

const isPrivate = ({ environment }: Workload): boolean => environment !== 'dev';

/** Units of API Management in each region. */
export const gatewayUnits = ({ regions }: Workload, { peakPerSecond }: Load): number =>
  Math.max(1, Math.ceil(peakPerSecond / regions / UNIT_REQUESTS_PER_SECOND));

export function gatewayUsd(workload: Workload, load: Load): number {
  const units = gatewayUnits(workload, load) * workload.regions;
  const unit = isPrivate(workload) ? usdOf('apimStandardV2') : usdOf('apimBasicV2');
  const included = units * (isPrivate(workload) ? INCLUDED_MILLIONS.standard : INCLUDED_MILLIONS.basic);
  return units * unit + Math.max(0, (load.requests + probesOf(workload)) / 1e6 - included) * usdOf('apimExtraRequests');
}

export const frontDoorUsd = (workload: Workload, { requests }: Load): number =>
  usdOf('frontDoorPremium') +
  (requests / 10_000) * usdOf('frontDoorRequests') +
  ((requests * bytesOut(workload)) / GB) * usdOf('frontDoorOut') +
  ((requests * bytesIn(workload)) / GB) * usdOf('frontDoorIn');

export const registryUsd = (workload: Workload): number =>
  (isPrivate(workload) ? usdOf('registryPremium') * workload.regions : usdOf('registryStandard')) * DAYS_A_MONTH;

/** Each replica reads its secrets when it starts, some ten times a day at most. */
export const keyVaultUsd = ({ regions }: Workload, { replicas }: Load): number =>
  ((replicas.byDay * regions * 10 * 10 * DAYS_A_MONTH) / 10_000) * usdOf('keyVault');

/** Private endpoints with their zones and data, the load balancer of the environment, and copies to the second region. */
export function networkUsd(workload: Workload, { requests, misses }: Load): number {
  const { regions } = workload;
  const toModels = misses * (bytesIn(workload) + bytesOut(workload));
  const toStores = requests * 2 * turnBytes(workload);
  const copied = ((requests * turnBytes(workload) * (regions - 1)) / GB) * usdOf('betweenRegions');
  if (!isPrivate(workload)) return copied;
  const endpoints = PRIVATE_ENDPOINTS * regions * HOURS_A_MONTH * usdOf('privateEndpoint');
  const zones = PRIVATE_ZONES * usdOf('privateZone');
  const data = ((toModels + toStores) / GB) * usdOf('privateData');
  return endpoints + zones + data + regions * HOURS_A_MONTH * usdOf('loadBalancer') + copied;
}

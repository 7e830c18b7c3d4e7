import { containerAppsUsd } from './container-apps.js';
import { loadOf, type Load } from './load.js';
import { alertsUsd, monitoringUsd } from './monitoring.js';
import { frontDoorUsd, gatewayUsd, keyVaultUsd, networkUsd, registryUsd } from './network.js';
import { cosmosUsd, redisUsd, tablesUsd } from './stores.js';
import { requestUsd, setupOf, type Setup, type Workload } from './workload.js';

export interface Part {
  readonly name: string;
  /** A month, whole cents. */
  readonly usd: number;
}

export interface Bill {
  /** The sum of the parts. */
  readonly totalUsd: number;
  readonly parts: readonly Part[];
  readonly load: Load;
}

/** The bill of a month by part, from list prices: the same for the same workload and setup. */
export function billOf(workload: Workload, setup: Setup = setupOf(workload)): Bill {
  const load = loadOf(workload, setup);
  const { smallModel, strongModel, strongShare } = workload;
  const usd: readonly (readonly [name: string, usd: number])[] = [
    [`Small model (${smallModel})`, load.misses * (1 - strongShare) * requestUsd(smallModel, workload)],
    [`Strong model (${strongModel})`, load.misses * strongShare * requestUsd(strongModel, workload)],
    ['Container Apps', containerAppsUsd(workload, setup, load)],
    ['Azure Managed Redis', redisUsd(workload, setup, load)],
    ['Cosmos DB', cosmosUsd(workload, setup, load)],
    ['Storage Tables', tablesUsd(load)],
    ['API Management', gatewayUsd(workload, load)],
    ['Front Door Premium', frontDoorUsd(workload, load)],
    ['Container Registry', registryUsd(workload)],
    ['Key Vault', keyVaultUsd(workload, load)],
    ['Log Analytics', monitoringUsd(workload, setup, load)],
    ['Alert rules', alertsUsd(workload)],
    ['Network', networkUsd(workload, load)],
  ];
  const parts = usd.map(([name, value]) => ({ name, usd: cents(value) }));
  return { totalUsd: cents(parts.reduce((sum, part) => sum + part.usd, 0)), parts, load };
}

export const cents = (usd: number): number => Math.round(usd * 100) / 100;

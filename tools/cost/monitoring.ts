import { usdOf } from './azure-prices.js';
import { BUSY_HOURS_A_MONTH, probesOf, type Load } from './load.js';
import { ACCESS_LOG_BYTES, BILLED_SHARE, LINE_BYTES, METRIC_ROW_BYTES, METRIC_ROWS, TRACE_BYTES } from './sizes.js';
import { GB, type Setup, type Workload } from './workload.js';

/** Files of `infra/alerts/`, one rule each. */
export const LOG_ALERTS = 27;

/** GB a month as they are billed. */
export interface Ingested {
  /** Rows that alerts and the gate read: metrics and the line of every request. */
  readonly needed: number;
  readonly traces: number;
  /** The console of the replicas, and the access logs in front of them. */
  readonly logs: number;
}

export function ingested(workload: Workload, { requests, replicas }: Load): Ingested {
  const minutes = requests === 0 ? 0 : replicas.byDay * workload.regions * BUSY_HOURS_A_MONTH * 60;
  const billed = (bytes: number): number => (bytes * BILLED_SHARE) / GB;
  return {
    needed: billed(requests * LINE_BYTES + minutes * METRIC_ROWS * METRIC_ROW_BYTES),
    traces: billed(requests * TRACE_BYTES * workload.traceRatio),
    logs: billed(requests * (LINE_BYTES + 2 * ACCESS_LOG_BYTES) + probesOf(workload) * ACCESS_LOG_BYTES),
  };
}

export function monitoringUsd(workload: Workload, setup: Setup, load: Load): number {
  const { needed, traces, logs } = ingested(workload, load);
  const analytics = needed + traces + (setup.basicLogs ? 0 : logs);
  const dear = Math.max(0, analytics - usdOf('logsGrant')) * usdOf('logsAnalytics');
  return dear + (setup.basicLogs ? logs * usdOf('logsBasic') : 0);
}

/** Rules are switched on in production alone (`alertsEnabled` of `infra/main.bicep`); what is off is not billed. */
export const alertsUsd = ({ environment }: Workload): number =>
  environment === 'prod' ? LOG_ALERTS * usdOf('logAlert') : 0;

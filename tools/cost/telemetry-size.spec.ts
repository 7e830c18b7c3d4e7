import { AzureIngestion } from '../../test/support/azure-ingestion.js';
import { FailoverPair } from '../../test/support/failover-pair.js';
import { called } from '../../test/support/fault-row.js';
import { answer } from '../../test/support/upstream-behaviours.js';
import { LINE_BYTES, METRIC_ROW_BYTES, METRIC_ROWS, TRACE_BYTES } from './sizes.js';

const REQUESTS = 20;

/** What the cost model takes for the size of telemetry is what the service sends. */
describe('what a request sends to Application Insights', () => {
  let bytes: Record<string, number>;
  let metricRows: number;
  beforeAll(async () => {
    const azure = await AzureIngestion.start();
    const pair = await FailoverPair.start({ telemetry: { azureMonitorConnectionString: azure.connectionString } });
    pair.primary.always(answer('a word'));
    for (let sent = 0; sent < REQUESTS; sent++) await called(pair.router);
    await pair.close(); // what waits goes out
    const sizeOf = (type: string): number =>
      azure.of(type).reduce((sum, envelope) => sum + Buffer.byteLength(JSON.stringify(envelope)), 0);
    bytes = Object.fromEntries(
      ['MessageData', 'RequestData', 'RemoteDependencyData', 'MetricData'].map((type) => [type, sizeOf(type)]),
    );
    metricRows = azure.metrics.length;
    await azure.close();
  }, 60_000);

  const within = (measured: number, assumed: number): void => {
    expect(measured).toBeGreaterThan(assumed * 0.85);
    expect(measured).toBeLessThan(assumed * 1.15);
  };

  it('its line', () => within(bytes['MessageData']! / REQUESTS, LINE_BYTES));
  it('its trace of two spans', () =>
    within((bytes['RequestData']! + bytes['RemoteDependencyData']!) / REQUESTS, TRACE_BYTES));
  it('the rows of its metrics', () => {
    within(metricRows, METRIC_ROWS);
    within(bytes['MetricData']! / metricRows, METRIC_ROW_BYTES);
  });
});

import type { ServerCertificate } from './certificates.js';
import { ExportEndpoint, type Taken } from './export-endpoint.js';

/** One row of Application Insights, as it is sent. */
export interface Envelope {
  readonly name: string;
  readonly iKey?: string;
  readonly instrumentationKey?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly data: { readonly baseType: string; readonly baseData: Readonly<Record<string, unknown>> };
}

export interface MetricRow {
  readonly name: string;
  readonly value: number;
  readonly count?: number;
  readonly properties: Readonly<Record<string, string>>;
}

const KEY = '11111111-2222-3333-4444-555555555555';

/** The ingestion endpoint of Application Insights. */
export class AzureIngestion extends ExportEndpoint {
  static async start(certificate?: ServerCertificate): Promise<AzureIngestion> {
    return new AzureIngestion(...(await ExportEndpoint.listening(accepted, certificate))).take();
  }

  /** For `telemetry.azureMonitorConnectionString`. */
  get connectionString(): string {
    return `InstrumentationKey=${KEY};IngestionEndpoint=${this.url}/`;
  }

  get key(): string {
    return KEY;
  }

  get envelopes(): Envelope[] {
    return this.taken.filter(({ path }) => path === '/v2.1/track').flatMap(envelopesOf);
  }

  of(baseType: string): Envelope[] {
    return this.envelopes.filter(({ data }) => data.baseType === baseType);
  }

  get metrics(): MetricRow[] {
    return this.of('MetricData').flatMap(({ data }) => {
      const { metrics, properties = {} } = data.baseData as unknown as {
        metrics: Omit<MetricRow, 'properties'>[];
        properties?: MetricRow['properties'];
      };
      return metrics.map((metric) => ({ ...metric, properties }));
    });
  }
}

/** An array, or a line each. */
function envelopesOf({ text }: Taken): Envelope[] {
  if (text.startsWith('[')) return JSON.parse(text) as Envelope[];
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Envelope);
}

function accepted(taken: Taken): string {
  const { length } = envelopesOf(taken);
  return JSON.stringify({ itemsReceived: length, itemsAccepted: length, errors: [] });
}

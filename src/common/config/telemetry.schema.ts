import { z } from 'zod';
import { azureConnection } from './azure-connection.js';
import { emptyOr, httpUrl } from './config-scalars.js';

/** More is a matter for a log store. */
export const MOST_KEPT_REQUESTS = 100_000;

export const telemetrySchema = z
  .strictObject({
    serviceName: z
      .string()
      .min(1)
      .default('hybrid-llm-router')
      .describe('service.name by OTLP, cloud role name in Azure Monitor.'),
    otlpEndpoint: emptyOr(httpUrl).describe(
      'Where traces, metrics and request lines go by OTLP over HTTP, e.g. http://127.0.0.1:4318.',
    ),
    otlpHeaders: z
      .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'expected the name of a header'), z.string())
      .default({})
      .describe('Headers of these requests, such as authorization. Values are secrets.'),
    metricsPort: z
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .describe('0 = /metrics on server.port; else on this port of server.host, and nowhere else.'),
    keepRequests: z
      .int()
      .min(0)
      .max(MOST_KEPT_REQUESTS)
      .default(10_000)
      .describe('Records of requests that are kept, the latest of all replicas together; about 2 kB each. 0 = none.'),
    traceRatio: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('Share of the traces that begin here which are recorded; of others their beginner decides.'),
    azureMonitorConnectionString: z
      .string()
      .default('')
      .superRefine((text, context) => {
        const connection = text === '' ? null : azureConnection(text);
        if (typeof connection === 'string') context.addIssue({ code: 'custom', message: connection });
      })
      .describe(
        'Application Insights gets traces, metrics and request lines: InstrumentationKey=...;IngestionEndpoint=..., with ' +
          'Authorization=AAD for managed identity and ClientId=... for a user-assigned one.',
      ),
  })
  .prefault({});

import { z } from 'zod';
import { emptyOr, httpUrl } from './config-scalars.js';

export const telemetrySchema = z
  .strictObject({
    serviceName: z.string().min(1).default('hybrid-llm-router').describe('service.name of the traces.'),
    otlpEndpoint: emptyOr(httpUrl).describe('Where traces go by OTLP over HTTP, e.g. http://127.0.0.1:4318.'),
    metricsPort: z
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .describe('0 = /metrics on server.port; else on this port of server.host, and nowhere else.'),
    keepRequests: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(10_000)
      .describe('Records of requests that are kept, the latest of all replicas together; about 2 kB each. 0 = none.'),
    traceRatio: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('Share of the traces that begin here which are recorded; of others their beginner decides.'),
    azureMonitorConnectionString: z.string().default('').describe('Not in this version yet: has no effect.'),
  })
  .prefault({});

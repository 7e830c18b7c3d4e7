import { z } from 'zod';
import { azureConnection } from './azure-connection.js';
import { emptyOr, httpUrl } from './config-scalars.js';

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Of a value; anything else makes each request to the collector throw, or ends the header. */
const HEADER_VALUE = /^[\x20-\x7e]*$/;
/** How a message is framed and where it goes (RFC 9110 section 7, RFC 9112 section 6): the exporter's own. */
const RESERVED_HEADERS = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** More is a matter for a log store. */
export const MOST_KEPT_REQUESTS = 100_000;

export const telemetrySchema = z
  .strictObject({
    serviceName: z
      .string()
      .min(1)
      .default('hybrid-llm-router')
      .describe('service.name by OTLP, cloud role name in Azure Monitor.'),
    otlpEndpoint: emptyOr(httpUrl)
      .superRefine((text, context) => {
        const message = endpointProblem(text);
        if (message !== null) context.addIssue({ code: 'custom', message });
      })
      .describe(
        'Where traces, metrics and request lines go by OTLP over HTTP: the base URL, e.g. http://127.0.0.1:4318, to which ' +
          '/v1/traces, /v1/metrics and /v1/logs are added.',
      ),
    otlpHeaders: z
      .record(z.string().regex(HEADER_NAME, 'expected the name of a header'), z.string())
      .default({})
      .superRefine((headers, context) => {
        for (const [name, value] of Object.entries(headers)) {
          const message = headerProblem(name, value);
          if (message !== null) context.addIssue({ code: 'custom', path: [name], message });
        }
      })
      .describe('Headers of these requests, such as authorization. Values are secrets: ${VAR}.'),
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

function endpointProblem(text: string): string | null {
  const url = URL.parse(text);
  if (url === null) return null;
  if (url.username !== '' || url.password !== '') {
    return 'must hold no user name or password; put authorization: ${VAR} in telemetry.otlpHeaders';
  }
  if (/[?#]/.test(text))
    return 'must hold no query and no fragment; what a collector wants to know goes in telemetry.otlpHeaders';
  const signal = /\/v1\/(?:traces|metrics|logs)\/*$/.exec(url.pathname)?.[0];
  return signal === undefined ? null : `expected the base URL, as /v1/<signal> is added; leave out ${signal}`;
}

function headerProblem(name: string, value: string): string | null {
  if (RESERVED_HEADERS.has(name.toLowerCase())) return 'HTTP sets this header by itself; leave it out';
  if (HEADER_VALUE.test(value)) return null;
  return 'a header holds printable ASCII alone; take line breaks and other control characters out of the variable it comes from';
}

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { trace, type ProxyTracerProvider } from '@opentelemetry/api';
import { eventually } from './router-calls.js';

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly OtlpAttribute[];
  readonly events: readonly { readonly name: string; readonly attributes: readonly OtlpAttribute[] }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: Record<string, unknown>;
}

export const SERVER = 2;
export const CLIENT = 3;

export const attributesOf = ({ attributes }: Pick<OtlpSpan, 'attributes'>): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
export const durationMs = ({ startTimeUnixNano: from, endTimeUnixNano: to }: OtlpSpan): number =>
  Number(BigInt(to) - BigInt(from)) / 1e6;

/** The request's span of a trace, and those of its attempts in the order in which they were begun. */
export interface CollectedTrace {
  readonly request: OtlpSpan;
  readonly attempts: readonly OtlpSpan[];
}

/** Takes the spans of a router in this process as a collector does, by OTLP. */
export class SpanCollector {
  readonly spans: OtlpSpan[] = [];

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        if (request.url === '/v1/traces') this.take(Buffer.concat(pieces).toString());
        response.end('{}');
      });
    });
  }

  static async start(): Promise<SpanCollector> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new SpanCollector(server);
  }

  /** For `telemetry.otlpEndpoint`. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Has the router send what it has. */
  async flush(): Promise<void> {
    const provider = (trace.getTracerProvider() as ProxyTracerProvider).getDelegate();
    await (provider as { forceFlush?(): Promise<void> }).forceFlush?.();
  }

  /** Resolves with the latest request that `isWanted` knows by its attributes. */
  async traceOf(isWanted: (attributes: Record<string, unknown>, span: OtlpSpan) => boolean): Promise<CollectedTrace> {
    const find = () => this.spans.findLast((span) => span.kind === SERVER && isWanted(attributesOf(span), span));
    await eventually('the span of the request arrives', 10_000, async () => {
      await this.flush();
      return find() !== undefined;
    });
    const request = find()!;
    const attempts = this.spans.filter(({ kind, parentSpanId }) => kind === CLIENT && parentSpanId === request.spanId);
    const number = (span: OtlpSpan): number => Number(attributesOf(span)['router.attempt.number']);
    return { request, attempts: attempts.sort((a, b) => number(a) - number(b)) };
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private take(text: string): void {
    const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[] };
    for (const { scopeSpans } of resourceSpans) for (const { spans } of scopeSpans) this.spans.push(...spans);
  }
}

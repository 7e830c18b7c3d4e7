import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FailoverPair } from '../support/failover-pair.js';
import { called } from '../support/fault-row.js';
import { eventually } from '../support/router-calls.js';
import { answer, status } from '../support/upstream-behaviours.js';

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly status: { readonly code?: number };
}

const attributesOf = ({ attributes }: OtlpSpan) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
const durationMs = ({ startTimeUnixNano: from, endTimeUnixNano: to }: OtlpSpan) =>
  Number(BigInt(to) - BigInt(from)) / 1e6;

describe('traces', () => {
  const spans: OtlpSpan[] = [];
  let collector: Server;
  let pair: FailoverPair;
  beforeAll(async () => {
    collector = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(pieces).toString()) as {
          resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[];
        };
        spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as AddressInfo;
    pair = await FailoverPair.start({ telemetry: { otlpEndpoint: `http://127.0.0.1:${port}` } });
  });
  afterAll(async () => {
    await pair.close();
    collector.close();
  });

  it('one span a request, one child an attempt, in the trace of the caller', async () => {
    pair.primary.always(status(503));
    pair.fallback.always(answer('a secret word'));
    const traceId = 'af7651916cd43dd8448eb211c80319c1';
    await called(pair.router, { stream: true }, { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    await eventually('the spans arrive', 10_000, () => spans.length >= 5);
    const request = spans.find(({ name }) => name === 'chat auto')!;
    expect(request).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331', kind: 2 });
    expect(attributesOf(request)).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.response.model': 'fallback',
      'gen_ai.usage.output_tokens': 3,
      'router.target': 'fallback',
      'router.fallback': true,
    });
    const attempts = spans.filter(({ parentSpanId }) => parentSpanId === request.spanId);
    expect(attempts.map((span) => [span.name, attributesOf(span)['router.outcome'], span.status.code ?? 0])).toEqual([
      ['attempt primary', 'server_error', 2],
      ['attempt primary', 'server_error', 2],
      ['attempt primary', 'server_error', 2],
      ['attempt fallback', 'ok', 0],
    ]);
    expect(attributesOf(attempts[0]!)).toMatchObject({ 'http.response.status_code': 503 });
    for (const attempt of attempts) {
      expect(durationMs(attempt)).toBeGreaterThan(0);
      expect(BigInt(attempt.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(request.startTimeUnixNano) - 5_000_000n);
    }
    expect(JSON.stringify(spans)).not.toContain('secret');
  });
});

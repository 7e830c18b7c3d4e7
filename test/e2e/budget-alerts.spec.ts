import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventBus } from '@nestjs/cqrs';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { BudgetThresholdReachedEvent } from '../../src/modules/quota/quota.messages.js';
import { logTo, type Line } from '../support/captured-log.js';
import { eventually } from '../support/router-calls.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SECRET = 'a secret of more than 24 characters';

interface Received {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe('alerts of budgets', () => {
  let upstream: UpstreamServer;
  let receiver: Server;
  let received: Received[];
  /** Statuses of the answers; then 204. */
  let answers: number[];
  let router: RouterApp;
  let lines: Line[];
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    receiver = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        received.push({ url: request.url, headers: request.headers, body: Buffer.concat(pieces).toString() });
        const { port } = receiver.address() as AddressInfo;
        response.writeHead(answers.shift() ?? 204, { location: `http://127.0.0.1:${port}/elsewhere` });
        response.end();
      });
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
  });
  beforeEach(async () => {
    [received, answers, lines] = [[], [], []];
    const { port } = receiver.address() as AddressInfo;
    const limits = { alertUrl: `http://127.0.0.1:${port}/hook?of=router`, alertSecret: SECRET };
    router = await startRouter(inOrder([targetOn(upstream)], { limits }), { logger: logTo(lines) });
  });
  afterEach(() => router.close());
  afterAll(async () => {
    receiver.close();
    await upstream.close();
  });

  const reach = (user: string | null = 'alice') =>
    router.app.get(EventBus, { strict: false }).publish(
      new BudgetThresholdReachedEvent({
        owner: { tenant: 'acme', user, model: null },
        threshold: 0.9,
        usdPerMonth: 50,
        spentUsd: 45.5,
        month: '2026-11',
      }),
    );
  const metrics = async () => (await fetch(`${router.url}/metrics`)).text();

  it('are a signed message, a metric and a line in the log', async () => {
    reach();
    await eventually('a message', 5_000, () => received.length === 1);
    const { url, headers, body } = received[0]!;
    expect(url).toBe('/hook?of=router');
    const alert = JSON.parse(body) as Record<string, unknown>;
    expect(alert).toMatchObject({
      type: 'budget.threshold_reached',
      tenant: 'acme',
      user: 'alice',
      model: null,
      threshold: 0.9,
      usd_per_month: 50,
      spent_usd: 45.5,
      month: '2026-11',
    });
    expect(headers['content-type']).toBe('application/json');
    expect(headers['webhook-id']).toBe(alert['id']);
    const signed = `${headers['webhook-id'] as string}.${headers['webhook-timestamp'] as string}.${body}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', SECRET).update(signed).digest('base64')}`);
    await eventually('delivered', 5_000, async () =>
      (await metrics()).includes('router_budget_alert_deliveries_total{result="delivered"} 1\n'),
    );
    const text = await metrics();
    expect(text).toContain('router_budget_alerts_total{scope="user",threshold="0.9"} 1\n');
    expect(text).not.toContain('alice');
    const told = lines.filter((line) => line.text.startsWith('a budget is nearly used up'));
    expect(told).toMatchObject([{ level: 'warn', fields: { scope: 'user', tenant: 'acme', user: 'alice' } }]);
  });

  it('are sent again after an error, not to where a redirect leads, and the secret is in no log', async () => {
    answers = [302];
    reach('alice@example.com');
    await eventually('two messages', 10_000, () => received.length === 2);
    expect(received.map(({ url }) => url)).toEqual(['/hook?of=router', '/hook?of=router']);
    expect(received[0]!.body).toBe(received[1]!.body);
    expect(JSON.parse(received[0]!.body)).toMatchObject({ user: 'alice@example.com' });
    const log = JSON.stringify(lines);
    expect(log).not.toContain(SECRET);
    expect(log).not.toContain('alice@example.com');
    expect(log).not.toContain('/hook');
  });

  it('are tried once more when the service ends', async () => {
    answers = [503];
    reach();
    await eventually('a message', 5_000, () => received.length === 1);
    await router.close();
    expect(received).toHaveLength(2);
  });

  it.each([
    ['http://alerts.example.com/', 'alertUrl'],
    ['ftp://127.0.0.1/', 'alertUrl'],
    ['file:///etc/passwd', 'alertUrl'],
    ['https://user:password@alerts.example.com/', 'alertUrl'],
    ['not a url', 'alertUrl'],
  ])('refuses %s in the configuration', (alertUrl, field) => {
    const { error } = routerConfigSchema.safeParse({ limits: { alertUrl } });
    expect(JSON.stringify(error?.issues)).toContain(field);
  });

  it.each(['short', 'whsec_not base64 at all, or is it'])('refuses %s as a secret', (alertSecret) => {
    expect(routerConfigSchema.safeParse({ limits: { alertSecret } }).success).toBe(false);
    expect(routerConfigSchema.safeParse({ limits: { alertSecret: '', alertUrl: '' } }).success).toBe(true);
  });
});

import { createHmac } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { AlertWebhook, type Delivery, type PostMessage, type Receiver, type Reply } from './alert-webhook.js';
import { alertOf, scopeOf } from './budget-alert.js';
import { webhookHeaders } from './webhook-signature.js';

const NOW = Date.UTC(2026, 10, 27);
const reached = (tenant = 'acme') => ({
  owner: { tenant, user: 'alice', model: null },
  threshold: 0.8 as const,
  usdPerMonth: 50,
  spentUsd: 0.1 + 0.2,
  month: '2026-11',
});

describe('webhookHeaders', () => {
  // The example of the specification's libraries: github.com/standard-webhooks/standard-webhooks, libraries/javascript.
  it('signs as the specification says', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const headers = webhookHeaders('msg_p5jXN8AQM9LWM0D4loKWxJek', '{"test": 2432232314}', secret, 1_614_265_330_000);
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('takes the bytes of any other secret, and signs nothing without one', () => {
    const secret = 'a secret that is long enough';
    const signature = createHmac('sha256', secret).update('id.1.{}').digest('base64');
    expect(webhookHeaders('id', '{}', secret, 1_999)['webhook-signature']).toBe(`v1,${signature}`);
    expect(webhookHeaders('id', '{}', '', 1_999)).not.toHaveProperty('webhook-signature');
  });
});

describe('a budget alert', () => {
  it('has one id for a budget, threshold and month', () => {
    const one = alertOf(reached(), NOW);
    expect(alertOf(reached(), NOW + 1).id).toBe(one.id);
    const others = [
      { ...reached('zeta') },
      { ...reached(), threshold: 0.9 as const },
      { ...reached(), month: '2026-12' },
      { ...reached(), owner: { tenant: 'acme', user: null, model: null } },
      { ...reached(), owner: { tenant: 'acme', user: 'alice', model: 'auto' } },
    ];
    expect(new Set([one.id, ...others.map((other) => alertOf(other, NOW).id)]).size).toBe(6);
    expect(one).toMatchObject({ at: '2026-11-27T00:00:00.000Z', usd_per_month: 50, spent_usd: 0.3 });
  });

  it('is of a tenant, a user or a model', () => {
    const owner = { tenant: 'acme', user: 'alice', model: null };
    expect(scopeOf(owner)).toBe('user');
    expect(scopeOf({ ...owner, user: null })).toBe('tenant');
    expect(scopeOf({ ...owner, model: 'auto' })).toBe('model');
  });
});

describe('AlertWebhook', () => {
  let receiver: Receiver;
  let replies: Reply[];
  let ended: Delivery[];
  let webhook: AlertWebhook;
  const post = jest.fn<PostMessage>();
  const say = (status: number | null, retryAfterMs = 0): Reply => ({ status, retryAfterMs });

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
    receiver = { alertUrl: 'https://alerts.example.com/hook', alertSecret: '' };
    replies = [];
    ended = [];
    post.mockReset().mockImplementation(async () => replies.shift() ?? say(null));
    webhook = new AlertWebhook(
      post,
      () => receiver,
      (delivery) => ended.push(delivery),
    );
  });
  afterEach(async () => {
    await webhook.stop();
    jest.useRealTimers();
  });
  const send = async (tenant?: string) => {
    webhook.send(alertOf(reached(tenant), NOW));
    await setImmediate();
  };

  it('sends once what is taken', async () => {
    replies = [say(204)];
    await send();
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(post).toHaveBeenCalledTimes(1);
    expect(ended).toEqual(['delivered']);
  });

  it('sends nothing without an address', async () => {
    receiver = { alertUrl: '', alertSecret: '' };
    await send();
    expect(post).not.toHaveBeenCalled();
    expect(ended).toEqual([]);
  });

  it('sends the same message again until it is taken, longer and longer apart', async () => {
    replies = [say(500), say(302), say(null), say(200)];
    await send();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(post).toHaveBeenCalledTimes(4);
    expect(new Set(post.mock.calls.map(([, body, headers]) => body + headers['webhook-id'])).size).toBe(1);
    expect(ended).toEqual(['delivered']);
  });

  it('gives up after six tries, within a quarter of an hour', async () => {
    await send();
    await jest.advanceTimersByTimeAsync(900_000);
    expect(post).toHaveBeenCalledTimes(6);
    expect(ended).toEqual(['failed']);
  });

  it('waits as long as it is asked to, and gives up where nobody wants it', async () => {
    replies = [say(429, 120_000), say(410)];
    await send();
    await jest.advanceTimersByTimeAsync(119_000);
    expect(post).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(post).toHaveBeenCalledTimes(2);
    expect(ended).toEqual(['failed']);
  });

  it('holds no more than a hundred', async () => {
    for (let n = 0; n < 105; n += 1) await send(`tenant-${n}`);
    expect(post).toHaveBeenCalledTimes(100);
    expect(ended).toEqual(['dropped', 'dropped', 'dropped', 'dropped', 'dropped']);
  });

  it('tries once more at the end', async () => {
    replies = [say(503), say(503), say(200)];
    await send('a');
    await send('b');
    await webhook.stop();
    expect(post).toHaveBeenCalledTimes(4);
    expect(ended.sort()).toEqual(['delivered', 'failed']);
  });

  it('follows a reload', async () => {
    replies = [say(500), say(200)];
    await send();
    receiver = { alertUrl: 'https://other.example.com/', alertSecret: 'x'.repeat(24) };
    await jest.advanceTimersByTimeAsync(2_000);
    expect(post.mock.calls[1]![0]).toBe('https://other.example.com/');
    expect(post.mock.calls[1]![2]).toHaveProperty('webhook-signature');
  });
});

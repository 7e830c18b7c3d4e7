import { describe, expect, it } from '@jest/globals';
import { completedChat } from './completed-event.fixture.js';
import { levelOf, requestLine } from './request-line.js';

describe('requestLine', () => {
  it('says who, what, how and how long', () => {
    expect(requestLine(completedChat(), 'auto', 'gpt-x-2026')).toEqual({
      request_id: 'r1',
      tenant: 'acme',
      user: 'alice',
      model: 'auto',
      target: 'cloud',
      tier: 'cloud',
      target_model: 'gpt-x-2026',
      simulated: false,
      strategy: 'hybrid',
      reason: 'rule_complex',
      outcome: 'answered',
      status: 200,
      error_code: null,
      attempts: 1,
      fallback: false,
      cache: 'MISS',
      stream: true,
      prompt_tokens: 10,
      completion_tokens: 20,
      cost_usd: 0.5,
      total_ms: 1500,
      overhead_ms: 0.4,
      ttft_ms: 250,
      session: null,
    });
  });

  it('lists the attempts that failed', () => {
    const attempts = [
      { target: 'local', startedAt: 0, outcome: 'timeout' as const, ms: 10 },
      { target: 'cloud', startedAt: 0, outcome: 'ok' as const, ms: 20 },
    ];
    expect(requestLine(completedChat({ attempts }), 'auto', 'gpt-x-2026')).toMatchObject({
      attempts: 2,
      failed_attempts: [{ target: 'local', outcome: 'timeout', ms: 10 }],
    });
  });

  it('never shows answers or session ids', () => {
    const completion = { text: '{"secret answer":1}', json: {} };
    const event = completedChat({ sessionId: 'alice-private', completion });
    const line = requestLine(event, 'auto', null);
    expect(line['session']).toMatch(/^[0-9a-f]{12}$/);
    expect(JSON.stringify(line)).not.toMatch(/alice-private|secret answer/);
  });

  it('survives a request that never got a route', () => {
    const event = completedChat({ route: null, usage: null, costUsd: null, attempts: [] });
    expect(requestLine(event, 'auto', null)).toMatchObject({
      target: null,
      reason: null,
      prompt_tokens: null,
      attempts: 0,
    });
  });
});

describe('levelOf', () => {
  it.each([
    [200, null, 'log'],
    [429, 'rate_limit_exceeded', 'log'],
    [499, null, 'log'],
    [503, 'no_target_available', 'warn'],
    [500, 'upstream_error', 'warn'],
    [500, 'internal_error', 'error'],
    [200, 'internal_error', 'error'],
  ])('%d %s is logged at %s', (status, errorCode, level) => {
    expect(levelOf(completedChat({ status, errorCode }))).toBe(level);
  });
});

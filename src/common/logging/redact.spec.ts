import { describe, expect, it } from '@jest/globals';
import { timesAsLong, wordSearch } from '../../../test/support/cpu-time.js';
import { routerConfigSchema } from '../config/config.schema.js';
import { knowSecretsOf } from './known-secrets.js';
import { redact } from './redact.js';

describe('redact', () => {
  it.each([
    ['mail to alice.b@example.co.uk failed', 'mail to [redacted] failed'],
    ['No route GET /v1/alice%40example.com. See', 'No route GET /v1/[redacted]. See'],
    ['Incorrect API key provided: sk-proj-abcdEFGH12345678.', 'Incorrect API key provided: [redacted].'],
    ['sent Authorization: Bearer abc.def-ghi_123 twice', 'sent Authorization: Bearer [redacted] twice'],
    ['connect redis://app:hunter2@cache:6380 refused', 'connect redis://app:[redacted]@cache:6380 refused'],
    ['{"api_key":"0123456789"}', '{"api_key":"[redacted]"}'],
    ['GET /x?sig=a%2Fbcd&se=1', 'GET /x?sig=[redacted]&se=1'],
    ['key 0123456789abcdef0123456789ABCDEF', 'key [redacted]'],
    ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.sig-na_ture', 'jwt [redacted]'],
    ['card 4111 1111 1111 1111 was', 'card [redacted] was'],
    ['card 5500-0000-0000-0004', 'card [redacted]'],
  ])('hides the secret in %j', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  it.each([
    'listening on http://127.0.0.1:8080',
    'request 01JDXW4E8R3J4K5M6N7P8Q9R0S took 1732400000123 ms',
    'order 4111 1111 1111 1112 is no card',
    'Unexpected token: } in JSON at position 12',
    'at Object.<anonymous> (node_modules/@nestjs/core/router.js:12:3)',
    'pino@10.4.0 and prompt tokens: 12345678',
  ])('leaves %j alone', (text) => {
    expect(redact(text)).toBe(text);
  });

  it.each([
    [
      'https://hooks.example.com/services/T0B1C2D3/XyZzyPlughFooBarBazQux',
      'services',
      ['T0B1C2D3', 'XyZzyPlughFooBarBazQux'],
    ],
    ['https://hooks.example.com/workflows/start?code=p%2Fq-1234', 'workflows', ['p%2Fq-1234', 'p/q-1234']],
  ])('hides the token in the address of a webhook, and none of its words: %s', (alertUrl, word, tokens) => {
    knowSecretsOf(routerConfigSchema.parse({ limits: { alertUrl } }));
    for (const token of tokens) expect(redact(`no ${word} for ${token}.`)).toBe(`no ${word} for [redacted].`);
  });

  it('hides the token in a header of the collector, with and without its scheme', () => {
    knowSecretsOf(
      routerConfigSchema.parse({
        telemetry: { otlpHeaders: { authorization: 'Scheme collector-token', x: 'other-words' } },
      }),
    );
    expect(redact('it said collector-token, Scheme collector-token and other-words')).toBe(
      'it said [redacted], [redacted] and [redacted]',
    );
  });

  it.each(['a@'.repeat(50_000), '1 '.repeat(50_000), `//${'a:'.repeat(50_000)}`, 'a.'.repeat(50_000)])(
    'is linear on hostile text %#',
    async (text) => {
      // the slowest takes 40, quadratic work thousands
      expect(await timesAsLong(() => redact(text), wordSearch(text.length))).toBeLessThan(200);
    },
  );
});

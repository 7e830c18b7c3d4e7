import { InvalidRequest } from '../app-error.js';
import { parseJsonBody } from './json-body.js';

const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));

describe('parseJsonBody', () => {
  it.each<[string, Buffer]>([
    ['broken JSON', Buffer.from('{"a":')],
    ['NaN', Buffer.from('{"a":NaN}')],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a lone surrogate', Buffer.from('{"a":"\\ud800"}')],
    ['a lone surrogate deep inside', Buffer.from('{"a":[{"b":["x","\\udc00"]}]}')],
    ['nesting of 10,000', nested(10_000)],
    ['nesting of 129', nested(129)],
  ])('refuses %s', (_name, body) => expect(() => parseJsonBody(body)).toThrow(InvalidRequest));

  it('refuses more numbers that may be rounded than it has time for, and says what to do', () => {
    const body = (count: number) =>
      Buffer.from(JSON.stringify(Array.from({ length: count }, () => 0.12345678901234567)));
    expect(() => parseJsonBody(body(20_001))).toThrow(/20000 numbers .* as strings/);
    expect(parseJsonBody(body(20_000))).toHaveLength(20_000);
  });

  it('accepts nesting of 128', () => expect(parseJsonBody(nested(128))).toBeInstanceOf(Array));

  it('F53 ignores a byte order mark', () => {
    expect(JSON.stringify(parseJsonBody(Buffer.from('\ufeff{"a":1}')))).toBe('{"a":1}');
    expect(() => parseJsonBody(Buffer.from('\ufeff\ufeff{"a":1}'))).toThrow(InvalidRequest);
  });

  it('keeps keys such as constructor, and pollutes nothing', () => {
    const value = parseJsonBody(Buffer.from('{"constructor":{"x":1},"__proto__":{"polluted":true}}')) as Record<
      string,
      unknown
    >;
    expect(value['constructor']).toEqual({ x: 1 });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

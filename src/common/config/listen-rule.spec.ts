import { isLoopback } from './listen-rule.js';

describe('a loopback host', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost', 'LocalHost'])(
    'is %s',
    (host) => expect(isLoopback(host)).toBe(true),
  );
  it.each(['0.0.0.0', '::', '128.0.0.1', '::ffff:10.0.0.1', 'localhost.example.org', '127.0.0.1.example.org', ''])(
    'is not %s',
    (host) => expect(isLoopback(host)).toBe(false),
  );
});

import { isLoopbackHost, isLoopbackUrl } from './loopback.js';

describe('what loopback is', () => {
  it.each([
    ...['localhost', 'LOCALHOST', 'localhost.', 'app.localhost', 'App.LocalHost.'],
    ...['127.0.0.1', '127.1', '127.255.255.254', '0177.0.0.1', '0x7f.1', '2130706433', '127.0.0.1.'],
    ...['::1', '[::1]', '0:0:0:0:0:0:0:1', '[0:0:0:0:0:0:0:1]', '::1%lo', '::ffff:127.0.0.1', '[::FFFF:7f00:1]'],
  ])('%s is', (host) => expect(isLoopbackHost(host)).toBe(true));

  it.each([
    ...['', '.', 'localhost.example', 'notlocalhost', '.localhost', 'localhost:8080', 'localhost@evil.example'],
    ...[
      '0.0.0.0',
      '128.0.0.1',
      '127.0.0.1.example',
      '127.0.0.256',
      '10.1',
      '::',
      '::2',
      '::ffff:10.0.0.1',
      '[::1',
      '1::1',
    ],
    ...['127.0.0.1/../evil', '127.0.0.1#', '127.0.0.1\\@evil.example', 'ｌocalhost', 'example'],
  ])('"%s" is not', (host) => expect(isLoopbackHost(host)).toBe(false));

  it('reads the host of a URL', () => {
    const read = (text: string) => isLoopbackUrl(new URL(text));
    expect([read('http://[::1]:11434/v1'), read('http://127.1'), read('http://example.com')]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

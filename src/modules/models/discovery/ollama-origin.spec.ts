import { ollamaOrigin } from './local-servers.js';

describe('ollamaOrigin', () => {
  it.each([
    [undefined, 'http://127.0.0.1:11434'],
    [' ', 'http://127.0.0.1:11434'],
    ['0.0.0.0', 'http://127.0.0.1:11434'],
    ['0.0.0.0:9999', 'http://127.0.0.1:9999'],
    ['[::]:9999', 'http://127.0.0.1:9999'],
    [':9999', 'http://127.0.0.1:9999'],
    ['gpu-box', 'http://gpu-box:11434'],
    ['gpu-box:80', 'http://gpu-box'],
    ['http://gpu-box', 'http://gpu-box'],
    ['https://gpu-box/ollama/', 'https://gpu-box/ollama'],
    ['"localhost:11435"', 'http://localhost:11435'],
    ['https://ollama.com', null],
    ['ftp://gpu-box', null],
    ['not a host', null],
  ])('reads %j as %j', (value, origin) => expect(ollamaOrigin(value)).toBe(origin));
});

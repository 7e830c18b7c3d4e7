import { ollamaOrigins } from './ollama.probe.js';

describe('ollamaOrigins', () => {
  it.each([
    [undefined, ['http://127.0.0.1:11434', 'http://[::1]:11434']],
    [' ', ['http://127.0.0.1:11434', 'http://[::1]:11434']],
    ['0.0.0.0', ['http://127.0.0.1:11434', 'http://[::1]:11434']],
    ['0.0.0.0:9999', ['http://127.0.0.1:9999', 'http://[::1]:9999']],
    ['[::]:9999', ['http://127.0.0.1:9999', 'http://[::1]:9999']],
    ['::', ['http://127.0.0.1:11434', 'http://[::1]:11434']],
    ['::1', ['http://[::1]:11434']],
    ['[::1]:9999', ['http://[::1]:9999']],
    [':9999', ['http://127.0.0.1:9999']],
    ['gpu-box', ['http://gpu-box:11434']],
    ['gpu-box:80', ['http://gpu-box']],
    ['http://gpu-box', ['http://gpu-box']],
    ['https://gpu-box/ollama/', ['https://gpu-box/ollama']],
    ['"localhost:11435"', ['http://localhost:11435']],
    ['https://ollama.com', []],
    ['ftp://gpu-box', []],
    ['not a host', []],
  ])('reads %j as %j', (value, origins) => expect(ollamaOrigins(value)).toEqual(origins));
});

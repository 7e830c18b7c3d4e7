import { countedHeaders, PlainReader, StreamReader } from './answer-reader.js';

const frame = (json: unknown): string => `data: ${JSON.stringify(json)}\n\n`;
const content = (text: string, more: object = {}) =>
  frame({ choices: [{ index: 0, delta: { content: text }, ...more }] });
const ROLE = frame({ choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] });
const USAGE = frame({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } });
const DONE = 'data: [DONE]\n\n';

function readAll(...reads: readonly (readonly [text: string | Buffer, at: number])[]) {
  const reader = new StreamReader();
  for (const [text, at] of reads) reader.read(Buffer.from(text as string), at);
  return { ...reader.end(200), ...reader.times(100) };
}

describe('reading a stream', () => {
  it('finds first token, largest gap and tokens', () => {
    const read = readAll(
      [ROLE, 110],
      [content('a'), 130],
      [content('b'), 190],
      [': wait\n\n', 300],
      [USAGE + DONE, 200],
    );
    expect(read).toEqual({
      ...{ status: 200, error: null, tokens: { prompt: 3, completion: 2 } },
      ...{ firstTokenMs: 30, gapMs: 60 },
    });
  });

  it('reads frames that are cut anywhere, in the middle of a character too', () => {
    const bytes = Buffer.from(ROLE + content('über') + USAGE + DONE);
    for (let at = 1; at < bytes.length; at += 1) {
      const read = readAll([bytes.subarray(0, at), 110], [bytes.subarray(at), 120]);
      expect(read).toMatchObject({ status: 200, tokens: { prompt: 3, completion: 2 } });
    }
  });

  it('is cut without [DONE], and after an error event', () => {
    expect(readAll([content('a'), 110])).toMatchObject({ status: 'cut', error: 'stream_without_end', tokens: null });
    const failed = frame({ error: { code: 'upstream_error' } });
    expect(readAll([content('a') + failed + DONE, 110])).toMatchObject({ status: 'cut', error: 'upstream_error' });
  });

  it('takes a text that speaks of usage and errors for a text', () => {
    const text = content('{"usage":{"prompt_tokens":9,"completion_tokens":9},"error":{"code":"x"}}');
    expect(readAll([ROLE + text + USAGE + DONE, 110])).toMatchObject({
      ...{ status: 200, error: null, tokens: { prompt: 3, completion: 2 } },
    });
  });

  it.each([
    ['a finish reason', { choices: [{ delta: {}, finish_reason: 'stop' }] }],
    ['a tool call', { choices: [{ delta: { tool_calls: [{ index: 0 }] } }] }],
    ['reasoning', { choices: [{ delta: { reasoning_content: 'r' } }] }],
  ])('%s is a first token', (_, json) => {
    expect(readAll([ROLE, 110], [frame(json), 150]).firstTokenMs).toBe(50);
  });
});

describe('reading a plain answer', () => {
  const read = (status: number, text: string) => {
    const reader = new PlainReader();
    reader.read(Buffer.from(text));
    return reader.end(status);
  };

  it.each([
    [200, '{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}', null, { prompt: 3, completion: 2 }],
    [200, '{"choices":[]}', null, null],
    [200, '<html>', 'no_completion', null],
    [429, '{"error":{"code":"rate_limit_exceeded"}}', 'rate_limit_exceeded', null],
    [502, '<html>', 'http_502', null],
    [500, 'null', 'http_500', null],
  ])('%d %s', (status, text, error, tokens) => {
    expect(read(status, text)).toEqual({ status, error, tokens });
  });

  it('counts what the headers say, and shows no characters that are none of a name', () => {
    expect(
      countedHeaders({
        ...{ 'x-router-target': 'a\u001b[31m', 'x-router-cache': 'HIT', 'x-router-fallback': 'true' },
        ...{ 'x-router-attempts': '2', 'x-router-cost-usd': '0.00001234' },
      }),
    ).toEqual({ target: 'a?[31m', cache: 'HIT', fallback: true, attempts: 2, costUsd: 0.00001234 });
    expect(countedHeaders({})).toEqual({ target: 'none', cache: 'none', fallback: false, attempts: 0, costUsd: null });
  });
});

const BODY = JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }] });
export const POST = 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const CHUNKED = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;

/** What is not proper HTTP (L05), and the status of its refusal. */
export const BROKEN: Record<string, { bytes: string; status: number }> = {
  'a header of 64 KB': { bytes: `${POST}X-Big: ${'a'.repeat(65_536)}\r\n\r\n`, status: 431 },
  'Content-Length and Transfer-Encoding': {
    bytes: `${POST}Content-Length: ${BODY.length}\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
    status: 400,
  },
  'Transfer-Encoding and Content-Length': {
    bytes: `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${CHUNKED}`,
    status: 400,
  },
  'two Content-Lengths': { bytes: `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, status: 400 },
  'an obscure transfer coding': { bytes: `${POST}Transfer-Encoding: xchunked\r\n\r\n${CHUNKED}`, status: 400 },
  'bare LF as line end': {
    bytes: `${POST.replaceAll('\r\n', '\n')}Content-Length: ${BODY.length}\n\n${BODY}`,
    status: 400,
  },
  'a line folded with LF in a header': { bytes: `${POST}X-A: b\nX-C: d\r\nContent-Length: 0\r\n\r\n`, status: 400 },
  'a space before the colon': { bytes: `${POST}Content-Length : 2\r\n\r\n{}`, status: 400 },
  'NUL in a header': { bytes: `${POST}X-A: a\u0000b\r\nContent-Length: 0\r\n\r\n`, status: 400 },
  'no HTTP at all': { bytes: 'hello there\r\n\r\n', status: 400 },
  'a TLS hello': { bytes: '\u0016\u0003\u0001\u0002\u0000', status: 400 },
  'a bad chunk size': { bytes: `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, status: 400 },
  'a negative length': { bytes: `${POST}Content-Length: -1\r\n\r\n`, status: 400 },
  'no Host': {
    bytes: POST.replace('Host: localhost\r\n', `Content-Length: ${BODY.length}\r\n\r\n${BODY}`),
    status: 400,
  },
};

/** A whole request behind another, as smugglers send it. */
export const SMUGGLED = `${POST}Content-Length: ${BODY.length}\r\n\r\n${BODY}`;

/** Legal JSON that is no more than data (L04b). */
export const ODD_JSON: readonly string[] = [
  '{"model":"auto","model":"auto","messages":[],"messages":[{"role":"user","content":"twice"}]}',
  '{"model":"auto","messages":[{"role":"user","content":"hi"}],"__proto__":{"polluted":1}}',
  '{"model":"auto","messages":[{"role":"user","content":"hi","__proto__":{"polluted":1}}]}',
  '{"model":"auto","messages":[{"role":"user","content":"hi"}],"constructor":{"prototype":{"polluted":1}}}',
  '{"model":"auto","messages":[{"role":"user","content":"a\\u0000b"}]}',
  '{"model":"auto","messages":[{"role":"user","content":"hi"}],"metadata":{"__proto__":{"polluted":1}}}',
];

const MB = 1024 * 1024;
const wrap = (content: string) => `{"model":"auto","messages":[{"role":"user","content":${content}}]}`;
const field = (name: string, json: string) =>
  `{"model":"auto","messages":[{"role":"user","content":"hi"}],"${name}":${json}}`;
const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;

/** What is refused before any model is called (L04); with a context window of 131,072 tokens. */
export const HOSTILE_BODIES: Record<string, { body: string | Buffer; status: number; code: string }> = {
  'a body of 10 MB': { body: wrap(`"${'a'.repeat(10 * MB)}"`), status: 413, code: 'payload_too_large' },
  'a million tokens': { body: wrap(`"${'word '.repeat(800_000)}"`), status: 400, code: 'context_length_exceeded' },
  'nesting of 10,000': { body: field('metadata', deep), status: 400, code: 'invalid_request' },
  NaN: { body: field('temperature', 'NaN'), status: 400, code: 'invalid_request' },
  Infinity: { body: field('temperature', '1e999'), status: 400, code: 'invalid_request' },
  'a lone surrogate': { body: wrap('"\\ud800"'), status: 400, code: 'invalid_request' },
  'invalid UTF-8': { body: Buffer.from(wrap('"\xff\xfe"'), 'latin1'), status: 400, code: 'invalid_request' },
  'a number as messages': { body: '{"model":"auto","messages":1}', status: 400, code: 'invalid_request' },
  'a string as max_tokens': { body: field('max_tokens', '"9"'), status: 400, code: 'invalid_request' },
  'an array as body': { body: '[]', status: 400, code: 'invalid_request' },
  'no body': { body: '', status: 400, code: 'invalid_request' },
};
